"""Networks and batches for desire backpropagation."""

import math

import torch
from torch import nn

from spikelearn.loading.encoders import RegularRate
from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF
from spikelearn.plasticity import Batch
from spikelearn.plasticity.targets.desire import count_spikes

F64 = torch.float64


def network_of(*layers, decay=0.75, threshold=1.0, front=None, gain=1.0):
    """Blocks from (inputs, neurons) or (channels, filters, kernel), as published: no biases, one step of delay."""
    blocks, image = {}, False
    for number, layer in enumerate(layers):
        dense = len(layer) == 2
        synapse = nn.Linear(*layer, bias=False) if dense else nn.Conv2d(*layer, bias=False)
        with torch.no_grad():
            synapse.weight.normal_().mul_(gain * math.sqrt(2.0 / synapse.weight[0].numel()))
        neuron = (
            LIF.per_step(decay, v_threshold=threshold, reset="subtract", inclusive=True)
            if dense
            else SilentLeakLIF(decay, v_threshold=threshold)
        )
        parts = [front, nn.Flatten() if dense and image else None, synapse]
        parts = [part for part in parts if part is not None]
        whole = parts[0] if len(parts) == 1 else nn.Sequential(*parts)
        blocks[f"b{number}"] = Block(whole, neuron, delay=int(number > 0))
        image, front = not dense, None
    return Network(blocks).to(F64)


def batch_of(shape, samples=1, classes=4, steps=20):
    pixels = torch.rand(samples, *shape, dtype=F64)
    inputs = RegularRate()(pixels, steps, torch.arange(samples), (0, "train", 0))
    return Batch(inputs, torch.randint(classes, (samples,)))


def wishes_of(rule, network, data):
    counts = count_spikes([network.run(data.inputs, masks=data.masks)[0]], data.masks)
    return rule.desires(network, counts, data.targets, len(data.inputs), data.masks)


def weights_of(network):
    return {name: p.detach() for name, p in network.named_parameters()}


def dense(neuron=LIF.per_step, bias=False):
    return Block(nn.Linear(4, 3, bias=bias), neuron())
