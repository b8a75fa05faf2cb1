"""Networks and batches for EMSTDP."""

import numpy as np
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.network.initialisers import EMSTDPInit
from spikelearn.neurons import IF
from spikelearn.plasticity import Batch
from tests.helpers import only_update

F64 = torch.float64


def counting(threshold=1.0):
    return IF(threshold, inclusive=True)


def chain(*sizes, weights=None, threshold=1.0):
    """Dense layers a1, a2, ... with one step of delay between them; weights drawn or all the same."""
    blocks = {}
    for place, (n_in, n) in enumerate(zip(sizes, sizes[1:], strict=False)):
        blocks[f"a{place + 1}"] = Block(nn.Linear(n_in, n, bias=False), counting(threshold), delay=min(place, 1))
    network = Network(blocks).to(F64)
    if weights is not None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(weights)
    return network


def initialised(text="12-20-5", seed=0, ratio=0.5):
    generator = torch.Generator().manual_seed(seed)
    init = EMSTDPInit(ratio, ratio)
    return build(text, counting, bias=False, delay=1, init=init, generator=generator).to(F64)


def random_batch(steps=21, samples=6, n=12, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = (torch.rand(steps, samples, n, generator=generator) < 0.4).to(F64)
    return Batch(inputs, torch.arange(samples) % classes)


def both_phases(rule, network, data):
    """(free record, moments of the corrected phase)."""
    memory = rule.init(network, torch.Generator().manual_seed(0))
    free, state = rule.free_phase(network, data)
    return free, list(rule.corrected_phase(network, data, memory, free, state))


def relu_gradient(network, data):
    """Minus the gradient of the squared error of the net of rates, by parameter."""
    rate = data.inputs.mean(0)
    for block in network.blocks.values():
        rate = torch.relu(block.synapse(rate) / block.neuron.v_threshold)
    wanted = nn.functional.one_hot(data.targets, rate.shape[1]).to(rate.dtype)
    loss = 0.5 * (rate - wanted).square().sum()
    names, parameters = zip(*network.named_parameters(), strict=True)
    return {n: -g for n, g in zip(names, torch.autograd.grad(loss, parameters), strict=True)}


def alignment(rule, network, memory, batches):
    """Mean cosine between the change and the gradient, by parameter."""
    cosines = {}
    for data in batches:
        update, exact = only_update(rule, network, data, memory), relu_gradient(network, data)
        for name, grad in update.grads.items():
            cosine = torch.cosine_similarity(-grad.flatten(), exact[name].flatten(), dim=0)
            cosines.setdefault(name, []).append(float(cosine))
    return {name: float(np.mean(values)) for name, values in cosines.items()}
