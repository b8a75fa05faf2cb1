"""Which signals a synapse needs, of rules that say nothing of it."""

import pytest
import torch
from torch import nn

from spikelearn import build
from spikelearn.measure import locality
from spikelearn.plasticity import Batch, KernelProxy, Rule, Update, firing_rates
from spikelearn.runs import network_for
from spikelearn.synapses import correlate


class Products(Rule):
    """Post times pre, summed over time; with ``peeked`` times a weight of the synapse above."""

    def __init__(self, peeked=False):
        self.peeked = peeked

    @torch.no_grad()
    def updates(self, network, batch, memory, generator):
        record, _ = network.run(batch.inputs)
        grads = {}
        for prefix, synapse, pre, target in network.edges(record):
            post = record[target].v
            if self.peeked and target != network.outputs[0]:
                post = post * network.blocks[network.outputs[0]].synapse[1].weight[0]
            grads |= {prefix + name: grad for name, grad in correlate(synapse, pre, post).items()}
        yield Update(grads, network.scores(record), rates=firing_rates(network, record))


def found(rule, network=None):
    torch.manual_seed(0)
    network = build("6-8-2", input_shape=(6,)).double() if network is None else network
    batch = Batch((torch.rand(80, 4, 6) < 0.5).double(), torch.arange(4) % 2)
    return locality(network, rule, batch, {}, torch.Generator())


def test_a_product_of_pre_and_post_is_local():
    assert found(Products()).factors == {"pre", "post", "record"}


def test_a_weight_that_is_looked_at_is_seen_without_a_change_of_activity():
    assert found(Products(peeked=True)).factors == {"pre", "post", "weights", "record"}


def test_the_network_is_left_as_it_was():
    network = build("6-8-2", input_shape=(6,)).double()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found(Products(), network)
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())


def test_the_memory_is_left_as_it_was():
    """Its rows are exchanged with those of a twin neuron, in a copy."""
    memory = {"of neurons": torch.arange(1.0, 9.0, dtype=torch.float64)}
    network = build("6-8-2", input_shape=(6,)).double()
    batch = Batch((torch.rand(80, 4, 6) < 0.5).double(), torch.arange(4) % 2)
    locality(network, Products(peeked=True), batch, memory, torch.Generator())
    assert memory["of neurons"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


def test_without_a_linear_synapse_nothing_can_be_told():
    network = build("3C3-2", input_shape=(1, 4, 4)).double()
    network.blocks["fc1"].requires_grad_(False)
    batch = Batch((torch.rand(8, 2, 1, 4, 4) < 0.5).double(), torch.arange(2))

    class Convolutions(Products):
        def updates(self, network, batch, memory, generator):
            for update in super().updates(network, batch, memory, generator):
                kept = {n: g for n, g in update.grads.items() if not isinstance(_module(network, n), nn.Linear)}
                yield Update(kept, update.scores)

    with pytest.raises(ValueError, match="changes no weight of a Linear synapse"):
        locality(network, Convolutions(), batch, {}, torch.Generator())


def test_by_a_change_of_0_nothing_is_told():
    """Samples of different classes have no pairs by which a kernel is aligned."""
    network = network_for("kernel-proxy", "6-8-4", (6,)).double()
    inputs = (torch.rand(80, 4, 6, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    with pytest.raises(ValueError, match="by 0 on this batch, .* several samples of each class"):
        locality(network, KernelProxy(), Batch(inputs, torch.arange(4)), {}, torch.Generator())


def _module(network, parameter):
    return network.get_submodule(parameter.rpartition(".")[0])
