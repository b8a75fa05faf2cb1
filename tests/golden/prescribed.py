"""Networks whose neurons fire when a file says so: the input brings the spikes of both sides."""

import torch
from torch import nn

from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import LIF

#: What a prescribed spike drives a neuron with, and the threshold, which no learned weight reaches.
DRIVE, THRESHOLD = 2e6, 1e6

WEIGHT = "blocks.post.synapse.weight"


def prescribed(weight, dt=1e-3):
    """Neurons [out] with the weights [out, in] that fire in the steps in which the last ``out`` inputs do.

    A frozen edge makes them fire; weights of what it brings are 0 at first, and nobody looks at them.
    """
    out, size = weight.shape
    learned, forcing = nn.Linear(size + out, out, bias=False), nn.Linear(size + out, out, bias=False)
    with torch.no_grad():
        learned.weight.copy_(torch.cat([weight, torch.zeros(out, out)], 1))
        forcing.weight.copy_(torch.cat([torch.zeros(out, size), DRIVE * torch.eye(out)], 1))
    forcing.requires_grad_(False)
    neuron = LIF(1e-6, v_threshold=THRESHOLD, dt=dt)
    network = Network({"post": Block(learned, neuron)}, feedforward={"forced": Feedforward("inputs", "post", forcing)})
    return network.double()


def both_sides(pre, post):
    """Inputs [T, B, in + out] by which ``prescribed`` neurons see ``pre`` [T, B, in] and send ``post`` [T, B, out]."""
    return torch.cat([pre, post], 2)
