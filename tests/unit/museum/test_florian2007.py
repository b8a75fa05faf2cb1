"""Reward and spikes alone teach a network of two layers the exclusive or, as in Florian's experiment."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import MSTDPET, Batch, TargetSpikes
from spikelearn.tasks import Regress
from spikelearn.training import Training, learn

BITS = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
GROUP, HIDDEN = 15, 60


def batch(generator, copies):
    """A bit of 1 is a group of inputs that fire at random; the one output neuron should fire where the bits differ."""
    bits = BITS.repeat(copies, 1)
    chance = 0.2 * bits.repeat_interleave(GROUP, 1)
    inputs = (torch.rand(60, len(bits), 2 * GROUP, generator=generator) < chance).float()
    return Batch(inputs, (bits[:, :1] != bits[:, 1:]).float(), task=Regress())


def network_of(generator):
    blocks = {
        "hidden": Block(nn.Linear(2 * GROUP, HIDDEN, bias=False), LIF.per_step(0.9)),
        "out": Block(nn.Linear(HIDDEN, 1, bias=False), LIF.per_step(0.9)),
    }
    network = Network(blocks)
    with torch.no_grad():
        for name, low, high in (("hidden", -0.5, 0.5), ("out", 0.0, 0.2)):
            weight = network.blocks[name].synapse.weight
            weight.copy_(low + (high - low) * torch.rand(weight.shape, generator=generator))
    return network


@torch.no_grad()
def rates(network):
    """The output's firing rate for each of the four inputs."""
    seen, _ = network.run(batch(torch.Generator().manual_seed(99), 10).inputs)
    return seen["out"].spikes.mean((0, 2)).view(10, 4).mean(0).tolist()


@pytest.mark.slow
def test_mstdpet_learns_the_exclusive_or():
    generator = torch.Generator().manual_seed(1)
    network = network_of(generator)
    before = rates(network)
    assert max(before[0], before[3]) > min(before[1], before[2]), "it knows it already"
    rule = MSTDPET(TargetSpikes(punishment=1.5), learning_rate=0.1, low=-0.5, high=0.5)
    training = Training.start(network, rule)
    for _ in range(75):
        learn(training, batch(generator, 4))
    after = rates(network)
    assert min(after[1], after[2]) > 0.2 + max(after[0], after[3])
