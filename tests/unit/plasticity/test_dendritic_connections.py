"""Delays of single connections that lie behind the synapse: online STDP against a loop over the events of each."""

import math

import pytest
import torch

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import AllToAll, Batch, NearestSymmetric, OnlineSTDP, Power
from spikelearn.synapses import SparseLinear
from tests.helpers import F64

STEPS, INPUTS, NEURONS = 60, 6, 4
WEIGHT = "blocks.a.synapse.weight"
DECAY = math.exp(-1 / 20)


def by_events(weight, sent, fired, nearest):
    """One connection: a presynaptic spike meets it when it is sent, a postsynaptic one as late as ``fired`` says."""
    x = y = 0.0
    for t in range(STEPS):
        x, y = DECAY * x, DECAY * y
        weight += 0.05 * (1 - weight) * x * (t in fired) - 0.04 * weight * y * (t in sent)
        weight = min(max(weight, 0.0), 1.0)
        x = 1.0 if nearest and t in sent else x + (t in sent)
        y = 1.0 if nearest and t in fired else y + (t in fired)
    return weight


@pytest.mark.parametrize("pairing", [AllToAll(), NearestSymmetric()], ids=repr)
@pytest.mark.parametrize("common", [0, 2])
def test_each_connection_is_a_loop_over_its_events(pairing, common):
    generator = torch.Generator().manual_seed(1)
    pre, post = torch.cartesian_prod(torch.arange(INPUTS), torch.arange(NEURONS)).unbind(1)
    weight = 0.2 + 0.6 * torch.rand(len(pre), generator=generator, dtype=F64)
    synapse = SparseLinear(INPUTS, NEURONS, pre, post, delays=(0, 5), weight=weight, bias=False, generator=generator)
    network = Network({"a": Block(synapse, LIF.per_step(0.9, v_threshold=1.5))})
    inputs = (torch.rand(STEPS, 1, INPUTS, generator=generator) < 0.2).to(F64)
    options = {"pairing": pairing, "dependence": Power(), "dendritic_delay": common, "delays": "dendritic"}
    rule = OnlineSTDP(0.05, 0.04, **options)
    start, fired = synapse.weight.detach().flatten().tolist(), []
    for moment in rule.walk(network, Batch(inputs, torch.zeros(1, dtype=torch.int64))):
        fired.append(moment.record["a"].spikes[0, 0].clone())
        found = moment.weights[WEIGHT].flatten().clone()
    spikes = torch.stack(fired)
    assert spikes.sum(0).min() > 2
    expected = []
    for number, first in enumerate(start):
        source, target, late = (int(part[number]) for part in (synapse.sources, synapse.targets, synapse.delays))
        sent = set(inputs[:, 0, source].nonzero().flatten().tolist())
        heard = {int(t) + late + common for t in spikes[:, target].nonzero()}
        expected.append(by_events(first, sent, heard, isinstance(pairing, NearestSymmetric)))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=F64), rtol=1e-12, atol=1e-14)
    axonal = OnlineSTDP(0.05, 0.04, **{**options, "delays": "axonal"})
    *_, last = axonal.walk(network, Batch(inputs, torch.zeros(1, dtype=torch.int64)))
    assert (last.weights[WEIGHT].flatten() - found).abs().max() > 1e-3
