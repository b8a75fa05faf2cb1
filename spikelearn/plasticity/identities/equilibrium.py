"""Identities of the rules that learn at an equilibrium."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Feedback, Network, RateReadout
from spikelearn.neurons import LIF
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.ide import IDE, Simulated
from spikelearn.plasticity.identities.base import changes, compare, draw, identity


@identity("ide")
def ide() -> None:
    """At the equilibrium, the gradient is that through a rate map iterated for long."""
    synapse = nn.Linear(6, 5)
    neuron = LIF.per_step(0.95, reset="subtract", inclusive=True)
    blocks, edges = {"a": Block(synapse, neuron)}, {"loop": Feedback("a", "a", nn.Linear(5, 5, bias=False))}
    network = Network(blocks, edges, RateReadout(nn.Linear(5, 3), decay=0.95))
    draw(network, 0.15)
    with torch.no_grad():
        synapse.bias.fill_(0.5)
    inputs = torch.rand(4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    targets = torch.arange(4) % 3

    def settled(rate: Tensor, iterations: int) -> Tensor:
        for _ in range(iterations):
            rate = network.rate_map({"a": rate}, inputs, {})["a"]
        return rate

    readout = network.readout
    assert isinstance(readout, RateReadout)

    with torch.no_grad():
        rate = settled(torch.full((4, 5), 0.5, dtype=torch.float64), 200)
    loss = F.cross_entropy(readout.of_rate(settled(rate, 60)), targets)
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    compare("ide", changes(_AtRate(rate), network, Batch(inputs.expand(3, 4, 6), targets)), expected)


class _AtRate(IDE):
    """IDE after infinitely many steps: what it simulates is a rate that is known."""

    def __init__(self, rate: Tensor) -> None:
        super().__init__(dropout=0.0, iterations=200)
        self.rate = rate

    def simulate(self, network: Network, inputs: Tensor, masks: Mapping[str, Tensor]) -> Simulated:
        return Simulated({"a": self.rate.clone()}, {})
