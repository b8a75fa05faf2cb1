"""Identities of the rules that compare a free phase with one that the targets take part in."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import IF, Rate
from spikelearn.neurons.activations import Linear, Logistic, Tanh
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.chl import CHL
from spikelearn.plasticity.equilibrium.eqprop import EqProp
from spikelearn.plasticity.equilibrium.eqprop_spiking import EqPropSpiking
from spikelearn.plasticity.identities.base import changes, compare, draw, identity

#: Nudge, and how weakly blocks pull from above, by which errors of the identities are seen.
SMALL = 1e-4


@identity("eqprop")
def eqprop() -> None:
    """At small nudges, the gradient of ``bptt`` through the free phase, at the fixed point that it has reached."""
    network, batch = _units(Logistic(4.0, 0.5)), _values()
    rule = EqProp(beta=SMALL, free_steps=150, nudged_steps=150)
    first, second = (block.synapse for block in network.blocks.values())
    weight = network.get_parameter("blocks.b1.synapse.weight")
    values = batch.inputs.new_zeros(4, 5), batch.inputs.new_zeros(4, 3)
    for _ in range(150):
        hidden = first(batch.inputs[0]) + values[1] @ weight
        values = torch.sigmoid(4 * hidden - 2), torch.sigmoid(4 * second(values[0]) - 2)
    loss = 0.5 * (values[1] - F.one_hot(batch.targets, 3)).square().sum(1).mean()
    compare("eqprop", changes(rule, network, batch), _gradients(network, loss), 100 * SMALL**2)


@identity("eqprop-spiking")
def eqprop_spiking() -> None:
    """Three windows of a network whose neurons pull at each other, written out step by step, and what they compare."""
    network = Network({f"b{n}": Block(nn.Linear(6 - n, 5 - 2 * n), IF(reset="subtract")) for n in range(2)})
    draw(network, 0.5)
    batch, beta, steps, decay = _values(), 0.5, 9, 0.7
    first, second = (block.synapse for block in network.blocks.values())
    weight, target = network.get_parameter("blocks.b1.synapse.weight"), F.one_hot(batch.targets, 3)
    potential, trace = [[batch.inputs.new_zeros(4, size) for size in (5, 3)] for _ in range(2)]

    def window(nudge: float, v: list[Tensor], z: list[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        total = [torch.zeros_like(each) for each in z]
        for step in range(steps):
            drive = first(batch.inputs[0]) + z[1] @ weight, second(z[0]) + nudge * (target - z[1])
            v = [potential + current for potential, current in zip(v, drive, strict=True)]
            spikes = [(potential > 1).to(potential) for potential in v]
            v = [potential - spike for potential, spike in zip(v, spikes, strict=True)]
            z = [decay * old + (1 - decay) * spike for old, spike in zip(z, spikes, strict=True)]
            total = [a + b / 5 if step >= 4 else a for a, b in zip(total, z, strict=True)]
        return total, v, z

    with torch.no_grad():
        _, potential, trace = window(0.0, potential, trace)
        up, down = (window(sign * beta, potential, trace)[0] for sign in (1, -1))
        share = 1 / (2 * beta * 4)
        expected = {
            "blocks.b0.synapse.weight": -share * (up[0] - down[0]).T @ batch.inputs[0],
            "blocks.b0.synapse.bias": -share * (up[0] - down[0]).sum(0),
            "blocks.b1.synapse.weight": -share * (up[1].T @ up[0] - down[1].T @ down[0]),
            "blocks.b1.synapse.bias": -share * (up[1] - down[1]).sum(0),
        }
    rule = EqPropSpiking(beta=beta, free_steps=steps, nudged_steps=steps, decay=decay)
    compare("eqprop-spiking", changes(rule, network, batch), expected)


@identity("chl")
def chl() -> None:
    """As blocks pull less and less from above, the gradient of backpropagation through a feedforward network."""
    network, batch = _units(Linear()), _values()
    rule = CHL(gain=SMALL, free_steps=10, clamped_steps=10)
    first, second = (block.synapse for block in network.blocks.values())
    output = second(torch.tanh(first(batch.inputs[0])))
    loss = 0.5 * (output - F.one_hot(batch.targets, 3)).square().sum(1).mean()
    compare("chl", changes(rule, network, batch), _gradients(network, loss), 10 * SMALL)


def _units(output: Linear | Logistic) -> Network:
    """A hidden layer that answers as the output does, or by tanh to a linear one."""
    hidden = output if isinstance(output, Logistic) else Tanh()
    network = Network({"b0": Block(nn.Linear(6, 5), Rate(hidden)), "b1": Block(nn.Linear(5, 3), Rate(output))})
    draw(network, 0.5)
    return network


def _values() -> Batch:
    drawn = torch.rand(1, 4, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch(drawn, torch.tensor([0, 2, 1, 2]))


def _gradients(network: Network, loss: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
