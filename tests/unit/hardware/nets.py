"""Networks and batches for the tests of hardware."""

import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, Batch, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import Training, learn


def chain(*sizes, seed=0, gain=1.0):
    """A chain of plain layers, blocks fc1, fc2, ..., with normal weights of standard deviation ``gain``."""
    drawn = torch.Generator().manual_seed(seed)
    blocks = {}
    for number, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layer = nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            layer.weight.copy_(gain * torch.randn(layer.weight.shape, generator=drawn))
            layer.bias.copy_(0.1 * torch.randn(layer.bias.shape, generator=drawn))
        blocks[f"fc{number + 1}"] = Block(layer, LIF.per_step())
    return Network(blocks)


def network(seed=0):
    """12-30-5, active from the start."""
    return chain(12, 30, 5, seed=seed, gain=0.3)


def batch(number=0, size=8, dtype=torch.float32):
    inputs = (torch.rand(6, size, 12, generator=generator_for(1, number)) < 0.5).to(dtype)
    return Batch(inputs, torch.arange(size) % 5)


def training(net=None, optimizer="adam", lr=1e-2, **options):
    net = network() if net is None else net
    return Training.start(net, BPTT(), optimizer=OptimizerChoice(optimizer, lr), **options)


def learn_some(made, first, last, dtype=torch.float32):
    for number in range(first, last):
        learn(made, batch(number, dtype=dtype))
