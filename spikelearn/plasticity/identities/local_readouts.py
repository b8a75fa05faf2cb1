"""Identity of DECOLLE: the losses of all blocks, of which none reaches another block."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import LeakyIntegrator, SpikeResponse
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.identities.base import DECAY, changes, compare, draw, identity, spikes_for
from spikelearn.plasticity.three_factor.decolle import DECOLLE
from spikelearn.plasticity.three_factor.traces import EligibilityTrace

#: Decay of synapse and refractory potential.
FAST, REFRACTORY = 0.6, 0.5


@identity("decolle")
def decolle() -> None:
    """Every form, with closed and derived eligibilities; online, where nothing applies them, updates add up."""
    network, batch = _network(6, 8, 7, 4), spikes_for(6, 4)
    memory = DECOLLE().init(network, torch.Generator().manual_seed(0))
    expected = _looped(network, batch, memory)
    for rule in (
        DECOLLE(dropout=0.0, form="sequence"),
        DECOLLE(dropout=0.0, form="step"),
        DECOLLE(trace=EligibilityTrace(closed=False), dropout=0.0, form="step"),
    ):
        compare("decolle", changes(rule, network, batch, memory), expected)
    total: dict[str, Tensor] = {}
    for update in DECOLLE(dropout=0.0).updates(network, batch, memory, torch.Generator()):
        for name, grad in update.grads.items():
            total[name] = total.get(name, torch.zeros_like(grad)) + grad / len(batch.inputs)
    compare("decolle", total, expected)


def _network(*sizes: int) -> Network:
    """Dense layers of spike response neurons, and an output with neither spikes nor a memory."""
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, outputs), SpikeResponse.per_step(DECAY, FAST, REFRACTORY))
        for n, (inputs, outputs) in enumerate(zip(sizes[:-2], sizes[1:-1], strict=True))
    }
    blocks["out"] = Block(nn.Linear(sizes[-2], sizes[-1]), LeakyIntegrator.per_step(0.0))
    network = Network(blocks, readout=MembraneReadout())
    draw(network, 0.9)
    return network


def _looped(network: Network, batch: Batch, memory: Memory) -> dict[str, Tensor]:
    """The gradient of the sum of all blocks' losses, mean of the steps, by a plain loop with spikes stopped."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    weights, biases = parameters[::2], parameters[1::2]
    blocks = list(network.blocks)[:-1]
    zeros = [torch.zeros(batch.size, len(bias), dtype=torch.float64) for bias in biases]
    state = {name: [zero] * 3 for name, zero in zip(blocks, zeros, strict=False)}
    target = F.one_hot(batch.targets, len(biases[-1])).double()
    total = torch.zeros((), dtype=torch.float64)
    for x in batch.inputs:
        for name, weight, bias in zip(blocks, weights, biases, strict=False):
            q, p, r = state[name]
            q = FAST * q + (1.0 - FAST) * (x @ weight.t() + bias)
            p = DECAY * p + (1.0 - DECAY) * q
            v = p + r
            fired = (v > 0.0).to(v)
            state[name] = [q, p, REFRACTORY * r - (1.0 - REFRACTORY) * fired]
            slope = (1.0 / (1.0 + 10.0 * v.abs()) ** 2).detach()
            read = (fired + slope * (v - v.detach())) @ memory[f"readout_weights.{name}"].t()
            total = total + F.smooth_l1_loss(read + memory[f"readout_biases.{name}"], target)
            x = fired
        total = total + F.smooth_l1_loss(x @ weights[-1].t() + biases[-1], target)
    grads = torch.autograd.grad(total / len(batch.inputs), parameters)
    return dict(zip(names, grads, strict=True))
