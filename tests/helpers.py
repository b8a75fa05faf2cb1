"""Shared by the tests of rules: small networks, batches, and one update."""

import torch
from torch import nn
from torch.nn.utils import parametrizations

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, build
from spikelearn.neurons import LIF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import (
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    MSECount,
    Rule,
    Update,
)
from spikelearn.synapses import SumPool2d

F64 = torch.float64
SUBTRACTING = {"reset": "subtract"}


def only_update(rule: Rule, network: Network, data: Batch, memory=None) -> Update:
    """The rule's one update of a batch; with its memory as it draws it, unless another is given."""
    memory = rule.init(network, torch.Generator().manual_seed(0)) if memory is None else memory
    (update,) = rule.updates(network, data, memory, torch.Generator().manual_seed(1))
    return update


def largest_difference(one, two):
    """Largest difference of two sets of changes, which must have the same keys."""
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def lifted(network: Network, factor: float = 4.0) -> Network:
    """Weights that make deep blocks fire, in double precision."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network.to(F64)


def dense(net="6-8-7-3", neuron=lambda: LIF.per_step(0.8), **options):
    """Dense layers of a network string."""
    torch.manual_seed(3)
    return lifted(build(net, neuron, **options))


def images(seed=3):
    """A convolution, pools of three kinds in front of weights, strides, groups, delays."""
    torch.manual_seed(seed)
    blocks = {
        "a": Block(nn.Conv2d(2, 4, 3), LIF.per_step(0.7)),
        "b": Block(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1, groups=2)), LIF.per_step(0.6), delay=2),
        "c": Block(nn.Sequential(SumPool2d(2, 1), nn.Conv2d(6, 5, 2, stride=2, bias=False)), LIF.per_step(0.7)),
        "d": Block(nn.Sequential(nn.AvgPool2d(2, 1), nn.Flatten(), nn.Linear(5, 7)), CubaLIF.per_step(0.8, 0.5)),
        "e": Block(nn.Linear(7, 3), LIF.per_step(0.8, **SUBTRACTING), delay=1),
    }
    return lifted(Network(blocks, input_shape=(2, 14, 14)), 5.0)


def looped():
    """Feedback from above and to itself, delays, neurons of two states."""
    torch.manual_seed(3)
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=1),
        "b": Block(nn.Linear(8, 7), CubaLIF.per_step(0.8, 0.5, **SUBTRACTING), delay=1),
        "c": Block(nn.Linear(7, 3), LIF.per_step(0.5)),
    }
    edges = {"back": Feedback("c", "a", nn.Linear(3, 8)), "loop": Feedback("b", "b", nn.Linear(7, 7, bias=False))}
    return lifted(Network(blocks, edges), 3.0)


def normalised():
    """Batch norm with batch statistics, and reparametrised weights."""
    torch.manual_seed(3)
    network = lifted(build("6-8-7-3", lambda: LIF.per_step(0.8), batch_norm=True), 2.0)
    parametrizations.weight_norm(network.blocks["fc2"].synapse[-2])
    return network


#: {what is special: (how the network is made, a loss that fits it)}.
NETWORKS = {
    "lif": (dense, CrossEntropyRate()),
    "subtract": (lambda: dense(neuron=lambda: LIF.per_step(0.9, **SUBTRACTING)), MSECount()),
    "two states": (lambda: dense(neuron=lambda: CubaLIF.per_step(0.8, 0.6)), CrossEntropyRate()),
    "delays": (lambda: dense(delay=2), CrossEntropyRate()),
    "potentials": (lambda: dense(output=LeakyIntegrator.per_step), CrossEntropyMembrane()),
    "linear readout": (lambda: dense(readout=RateReadout(nn.Linear(3, 3))), CrossEntropy()),
    "potential readout": (lambda: dense(readout=MembraneReadout(nn.Linear(3, 3))), CrossEntropy()),
    "images": (images, CrossEntropyRate()),
    "loops": (looped, CrossEntropyRate()),
    "batch norm, weight norm": (normalised, CrossEntropyRate()),
}


def batch_for(network, steps=12, samples=5):
    """Random spikes of the network's input shape, and classes in turn."""
    torch.manual_seed(4)
    shape = network.input_shape or (6,)
    return Batch((torch.rand(steps, samples, *shape) < 0.4).to(F64), torch.arange(samples) % 3)
