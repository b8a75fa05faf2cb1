"""Short-term plasticity, and pair STDP behind dendritic delays, give the numbers of NEST 3.10.

``references/make_nest.py`` has made them; here nothing of NEST is needed.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import STDP, Batch
from spikelearn.synapses import SparseLinear
from spikelearn.synapses.releases import TsodyksMarkram
from tests.helpers import F64, only_update
from tests.unit.synapses.references import trains

FOUND = np.load(Path(__file__).parent / "references" / "nest.npz")


def record(steps, size=1):
    spikes = torch.zeros(trains.STEPS + 1, 1, size, dtype=F64)
    spikes[steps] = 1.0
    return spikes


@pytest.mark.parametrize("name", trains.SHORT_TERM)
def test_what_each_spike_transmits(name):
    release = TsodyksMarkram(*trains.SHORT_TERM[name], dt=trains.DT)
    network = Network({"a": Block(nn.Linear(1, 1, bias=False), LIF.per_step(0.9), release=release)}).to(F64)
    for number, steps in enumerate(trains.short_term_trains()):
        assert np.array_equal(FOUND[f"{name}/{number}/times"], steps)
        met = network.run(record(steps))[0]["a"].pre.flatten()
        assert int((met != 0).sum()) == len(steps)
        np.testing.assert_allclose(met[steps].numpy(), FOUND[f"{name}/{number}/amounts"], rtol=0, atol=1e-12)


def test_stdp_behind_dendritic_delays():
    """One neuron in front of as many as there are delays; all fire as they are told."""
    before, behind = trains.stdp_trains()
    count = len(trains.DELAYS)
    inputs = torch.cat([record(before), record(behind)], 2)
    connections = SparseLinear(2, count, [0] * count, range(count), delays=trains.DELAYS, bias=False)
    forced = nn.Linear(2, count, bias=False).requires_grad_(False)
    forced.weight.copy_(torch.tensor([0.0, 2e6]).expand(count, 2))
    edges = {"told": Feedforward("inputs", "a", forced)}
    network = Network({"a": Block(connections, LIF(1e-6, v_threshold=1e6))}, feedforward=edges).to(F64)
    batch = Batch(inputs, torch.zeros(1, dtype=torch.int64))
    changes = {}
    for place in ("dendritic", "axonal"):
        update = only_update(STDP(**trains.STDP, dt=trains.DT, delays=place), network, batch)
        changes[place] = -update.grads["blocks.a.synapse.weight"].flatten().numpy()
    order = connections.targets.long().numpy()
    largest = np.abs(FOUND["stdp"]).max()
    np.testing.assert_allclose(changes["dendritic"], FOUND["stdp"][order], rtol=0, atol=1e-10 * largest)
    assert np.abs(changes["axonal"] - FOUND["stdp"][order]).min() > 0.01 * largest


def test_dendritic_delays_are_not_cut_into_chunks():
    with pytest.raises(ValueError, match="of other chunks"):
        STDP(chunk=5, delays="dendritic")
    with pytest.raises(ValueError, match="delays is 'somatic'"):
        STDP(delays="somatic")
