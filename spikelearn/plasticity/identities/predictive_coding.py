"""Identities of the rules of predictive coding."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF, Activation, ATan, Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.pc import PredictiveCoding
from spikelearn.plasticity.equilibrium.pc_incremental import IncrementalPredictiveCoding
from spikelearn.plasticity.equilibrium.pc_prospective import ProspectiveConfiguration
from spikelearn.plasticity.identities.base import changes, compare, draw, identity
from spikelearn.plasticity.losses import CrossEntropy

SIZES = (5, 6, 4, 3)
TARGETS = torch.tensor([0, 2, 1, 2])

#: Learning rate and step of the values, in the identity of incremental predictive coding.
LR, ETA = 0.1, 0.2


@identity("pc")
def pc() -> None:
    """Fixed predictions, Z-IL and exact errors give backpropagation's gradient, by torch's own derivatives."""
    network, batch = _chain(Tanh()), _values()
    loss = F.cross_entropy(_layers(network, batch.inputs[0])[-1], TARGETS)
    expected = dict(zip(_names(network), torch.autograd.grad(loss, list(network.parameters())), strict=True))
    for form in ("fixed-pred", "z-il", "exact"):
        compare("pc", changes(PredictiveCoding(CrossEntropy(), form), network, batch), expected, 1e-12)
    early = changes(PredictiveCoding(CrossEntropy(), "fixed-pred", iterations=len(SIZES) - 2), network, batch)
    reached = {name: torch.zeros_like(value) if ".b0." in name else value for name, value in expected.items()}
    compare("pc", early, reached, 1e-12)
    _pc_of_rates()


def _pc_of_rates() -> None:
    """With neurons that fire, fixed predictions give the gradient through rates of the surrogate's mean slopes."""
    sizes, output = SIZES, Rate(Linear())
    neurons = [LIF.per_step(0.8, reset="subtract"), LIF.per_step(0.8), output]
    network = Network({f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1]), neuron) for n, neuron in enumerate(neurons)})
    draw(network, 0.9)
    batch = Batch(torch.rand(9, 4, SIZES[0], generator=torch.Generator().manual_seed(4), dtype=torch.float64), TARGETS)
    record, _ = network.run(batch.inputs)
    rate = batch.inputs.mean(0)
    for block, seen in zip(network.blocks.values(), record.values(), strict=True):
        slope = 1.0 if block.neuron is output else ATan()(seen.v - block.neuron.v_threshold).mean(0).detach()
        current = slope * block.synapse(rate)
        rate = seen.spikes.mean(0).detach() + current - current.detach()
    found = torch.autograd.grad(F.cross_entropy(rate, TARGETS), list(network.parameters()))
    expected = dict(zip(_names(network), found, strict=True))
    for form in ("fixed-pred", "exact"):
        compare("pc", changes(PredictiveCoding(CrossEntropy(), form), network, batch), expected, 1e-12)


@identity("pc-prospective")
def pc_prospective() -> None:
    """Values of linear blocks settle where the conditions of their equilibrium, solved at once, have them."""
    network, batch = _chain(Linear()), _values()
    weights = [network.get_parameter(f"blocks.b{n}.synapse.weight").detach() for n in range(3)]
    biases = [network.get_parameter(f"blocks.b{n}.synapse.bias").detach() for n in range(3)]
    x, y = batch.inputs[0], F.one_hot(TARGETS, SIZES[-1]).to(torch.float64)
    # (I + W2'W2) v1 - W2' v2 = W1 x + b1 - W2' b2, and (I + W3'W3) v2 - W2 v1 = b2 + W3' (y - b3).
    one, two = SIZES[1], SIZES[2]
    matrix = torch.eye(one + two, dtype=torch.float64)
    matrix[:one, :one] += weights[1].T @ weights[1]
    matrix[one:, one:] += weights[2].T @ weights[2]
    matrix[:one, one:], matrix[one:, :one] = -weights[1].T, -weights[1]
    lower = x @ weights[0].T + biases[0] - biases[1] @ weights[1]
    upper = biases[1] + (y - biases[2]) @ weights[2]
    first, second = torch.linalg.solve(matrix, torch.cat([lower, upper], 1).T).T.split([one, two], 1)
    expected = {}
    for n, (below, value) in enumerate(pairwise((x, first, second, y))):
        error = below @ weights[n].T + biases[n] - value
        expected[f"blocks.b{n}.synapse.weight"] = error.T @ below / len(x)
        expected[f"blocks.b{n}.synapse.bias"] = error.mean(0)
    rule = ProspectiveConfiguration(iterations=500, eta=0.3, tolerance=1e-12)
    compare("pc-prospective", changes(rule, network, batch), expected)


@identity("pc-incremental")
def pc_incremental() -> None:
    """Values and weights step together down one energy, by torch's own derivatives."""
    network, batch = _chain(Tanh()), _values()
    rule = IncrementalPredictiveCoding(iterations=3, eta=ETA)
    y = F.one_hot(TARGETS, SIZES[-1]).to(torch.float64)
    values = [value.detach().requires_grad_() for value in _layers(network, batch.inputs[0], currents=True)[:-1]]
    names, parameters = _names(network), list(network.parameters())
    for update in rule.updates(network, batch, {}, torch.Generator()):
        sent = [batch.inputs[0], *(value.tanh() for value in values)]
        predicted = [block.synapse(below) for block, below in zip(network.blocks.values(), sent, strict=True)]
        energy = torch.stack([0.5 * (v - p).square().sum() for v, p in zip([*values, y], predicted, strict=True)]).sum()
        slopes = torch.autograd.grad(energy, [*parameters, *values])
        expected = {name: slope / batch.size for name, slope in zip(names, slopes, strict=False)}
        compare("pc-incremental", update.grads, expected)
        moved = zip(values, slopes[len(parameters) :], strict=True)
        values = [(value - ETA * slope).detach().requires_grad_() for value, slope in moved]
        with torch.no_grad():
            for name, parameter in zip(names, parameters, strict=True):
                parameter.sub_(update.grads[name], alpha=LR)


def _chain(activation: Activation) -> Network:
    """Blocks of an activation below linear ones."""
    blocks = {
        f"b{n}": Block(nn.Linear(below, size), Rate(activation if n < 2 else Linear()))
        for n, (below, size) in enumerate(pairwise(SIZES))
    }
    network = Network(blocks)
    draw(network, 0.9)
    return network


def _values() -> Batch:
    drawn = torch.randn(1, len(TARGETS), SIZES[0], generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch(drawn, TARGETS)


def _names(network: Network) -> list[str]:
    return [name for name, _ in network.named_parameters()]


def _layers(network: Network, x: Tensor, *, currents: bool = False) -> list[Tensor]:
    """Outputs of all blocks of tanh units below linear ones, or their currents."""
    found = []
    for name, block in network.blocks.items():
        current = block.synapse(x)
        x = current if name == "b2" else current.tanh()
        found.append(current if currents else x)
    return found
