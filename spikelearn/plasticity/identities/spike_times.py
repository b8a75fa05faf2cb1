"""The identity of the rule that descends exact spike times."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spikelearn.network import Block, FirstSpikeReadout, Network
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.gradient.eventprop import EventProp
from spikelearn.plasticity.identities.base import changes, compare, identity

#: Seconds: membrane, synapse, step and end; of a step of an input, tail included.
TAU_MEM, TAU_SYN, DT, END = 12e-3, 5e-3, 1e-3, 40e-3
#: Times at which a potential is looked at before its crossing is halved in, and by what a weight is changed.
LOOKS, EPSILON = 400, 1e-5

Arriving = Sequence[tuple[float, int]]


@identity("eventprop")
def eventprop() -> None:
    """The gradient is that of central differences of spike times, each found by halving an interval."""
    generator = torch.Generator().manual_seed(0)
    gain = 1.0 / (1.0 - math.exp(-DT / TAU_SYN))
    blocks = {
        f"b{n}": Block(nn.Linear(i, o, bias=False), CubaLIF(TAU_MEM, TAU_SYN, r=gain, dt=DT))
        for n, (i, o) in enumerate([(2, 3), (3, 2)])
    }
    network = Network(blocks, readout=FirstSpikeReadout(DT)).double()
    weights = dict(network.named_parameters())
    with torch.no_grad():
        for parameter in weights.values():
            parameter.copy_(2.0 + 2.0 * torch.rand(parameter.shape, generator=generator, dtype=torch.float64))
    inputs = torch.rand(10, 2, 2, generator=generator, dtype=torch.float64)
    inputs = inputs.where(torch.rand(inputs.shape, generator=generator) < 0.3, 0.0)
    batch = Batch(inputs, torch.tensor([1, 0]))
    rule = EventProp(tail=END - 10 * DT)

    def loss() -> float:
        scores = -torch.stack([_first_spikes(list(weights.values()), inputs[:, b]) for b in range(2)])
        return float(rule.loss.each(scores, batch.targets).mean())  # type: ignore[attr-defined]

    expected = {name: torch.zeros_like(parameter) for name, parameter in weights.items()}
    with torch.no_grad():
        for name, parameter in weights.items():
            for place in range(parameter.numel()):
                values = []
                for sign in (1.0, -1.0):
                    parameter.view(-1)[place] += sign * EPSILON
                    values.append(loss())
                    parameter.view(-1)[place] -= sign * EPSILON
                expected[name].view(-1)[place] = (values[0] - values[1]) / (2.0 * EPSILON)
    compare("eventprop", changes(rule, network, batch), expected, within=1e-6)


def _first_spikes(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Times of the first spikes of the last layer, for the inputs [T, n] of one sample."""
    steps, sources = (part.tolist() for part in inputs.nonzero(as_tuple=True))
    arriving = [((t + 1.0 - float(inputs[t, j])) * DT, j) for t, j in zip(steps, sources, strict=True)]
    fired: list[list[float]] = []
    for weight in weights:
        fired = [_spikes(row, arriving) for row in weight.tolist()]
        arriving = [(time, n) for n, times in enumerate(fired) for time in times]
    return torch.tensor([times[0] for times in fired], dtype=torch.float64)


def _spikes(weights: Sequence[float], arriving: Arriving) -> list[float]:
    """All spikes of a neuron: every reset takes a threshold of 1 away, which leaks as the potential does."""
    scale = TAU_SYN / (TAU_MEM - TAU_SYN)
    grid = torch.linspace(0.0, END, LOOKS + 1, dtype=torch.float64)
    s = (grid.unsqueeze(1) - torch.tensor([time for time, _ in arriving], dtype=torch.float64)).clamp(min=0.0)
    met = torch.tensor([weights[j] for _, j in arriving], dtype=torch.float64)
    potential = scale * ((-s / TAU_MEM).exp() - (-s / TAU_SYN).exp()) @ met
    found: list[float] = []

    def v(t: float) -> float:
        kernels = ((t - a, weights[j]) for a, j in arriving if a < t)
        driven = sum(scale * w * (math.exp(-s / TAU_MEM) - math.exp(-s / TAU_SYN)) for s, w in kernels)
        return driven - sum(math.exp(-(t - k) / TAU_MEM) for k in found)

    while bool((above := potential > 1.0).any()):
        after = int(above.int().argmax())
        low, high = (float(grid[place]) for place in (after - 1, after))
        for _ in range(40):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if v(middle) > 1.0 else (middle, high)
        found.append(high)
        since = grid - high
        potential -= (-since.clamp(min=0.0) / TAU_MEM).exp().where(since > 0.0, 0.0)
    return found
