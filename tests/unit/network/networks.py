"""Networks with and without feedback."""

import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import LIF, ATan, Surrogate

F64 = torch.float64


BPTT_ADJOINT = Surrogate(ATan())


def scaled(network, factor=4.0):
    """Weights large enough that all layers fire."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network.to(F64)


def forward_network(delay=0):
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=delay),
        "b": Block(nn.Linear(8, 7), LIF.per_step(0.8, reset="subtract"), delay=2 * delay),
        "c": Block(nn.Linear(7, 3), LIF(20e-3, r=10.0)),
    }
    return scaled(Network(blocks))


def feedback_network():
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8)),
        "b": Block(nn.Linear(8, 7), LIF.per_step(0.8, reset="subtract"), delay=1),
        "c": Block(nn.Linear(7, 3), LIF.per_step(0.5)),
    }
    feedback = {
        "back": Feedback("c", "a", nn.Linear(3, 8)),
        "loop": Feedback("b", "b", nn.Linear(7, 7, bias=False)),
    }
    return scaled(Network(blocks, feedback))
