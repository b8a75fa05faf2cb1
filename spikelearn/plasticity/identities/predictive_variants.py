"""Identities of predictive coding under constraints, and with layers of any distribution."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution, Normal, kl_divergence

from spikelearn.network import Block, Network
from spikelearn.neurons import Activation, Rate
from spikelearn.neurons.activations import HalfTanh, Linear, Logistic, Softmax, Tanh
from spikelearn.plasticity.back_weights import PREFIX
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.equilibrium.pal import PAL
from spikelearn.plasticity.equilibrium.pc_constrained import PCConstrained
from spikelearn.plasticity.equilibrium.pc_kl import PCKL
from spikelearn.plasticity.equilibrium.pc_prospective import ProspectiveConfiguration
from spikelearn.plasticity.equilibrium.pc_relaxed import PCRelaxed
from spikelearn.plasticity.equilibrium.pc_spiking import PCSpiking
from spikelearn.plasticity.identities.base import changes, compare, draw, identity
from spikelearn.plasticity.losses import CrossEntropy

#: Steps of the values, and how far one goes down the slope.
STEPS, RATE = 6, 0.2

#: {distribution: (activation by which the next layer reads it, torch's own of parameters [B, n])}.
TORCHS: dict[str, tuple[Activation, Callable[[Tensor], Distribution]]] = {
    "categorical": (Softmax(), lambda v: Categorical(logits=v)),
    "bernoulli": (Logistic(), lambda v: Bernoulli(logits=v)),
    "gaussian-variance": (HalfTanh(), lambda v: Normal(v[:, : v.shape[1] // 2], (0.5 * v[:, v.shape[1] // 2 :]).exp())),
}


@identity("pc-constrained")
def pc_constrained() -> None:
    """Without its constraints the values descend half the squared errors, and so do the weights."""
    network, batch = _network(Tanh(), Linear(), bias=False), _batch()
    rule = PCConstrained(feedback="transpose", positive=False, steps=STEPS, rate_up=RATE, rate_down=RATE)
    values = [batch.inputs[0], *_forward(network, batch)]
    values[-1] = F.one_hot(batch.targets, 3).to(values[-1])

    def energy(hidden: list[Tensor]) -> Tensor:
        free = [values[0], *hidden, values[-1]]
        pairs = zip(free[1:], _predicted(network, free), strict=True)
        return 0.5 * torch.stack([(value - mean).square().sum() for value, mean in pairs]).sum()

    compare("pc-constrained", changes(rule, network, batch), _descended(network, energy, values[1:-1], STEPS))


@identity("pc-relaxed")
def pc_relaxed() -> None:
    """With fixed predictions and the transposes, errors arrive as backpropagation has them, one layer a step."""
    network, batch = _network(Tanh(), Linear()), _batch()
    rule = PCRelaxed(feedback="transpose", slopes=True, rate=0.5, steps=2)
    loss = (_forward(network, batch)[-1] - F.one_hot(batch.targets, 3)).square().sum() / batch.size
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    compare("pc-relaxed", changes(rule, network, batch), expected)


@identity("pc-spiking")
def pc_spiking() -> None:
    """Neurons that answer by the current itself come to an equilibrium of linear equations, solved otherwise."""
    network, batch, share = _network(Linear(), Linear()), _batch(), 2.0 / 3.0
    draw(network, 0.4)
    first, second, third = (block.synapse for block in network.blocks.values())
    one, two = (network.get_parameter(f"blocks.b{n}.synapse.weight").detach() for n in (1, 2))
    below, target = batch.inputs[0], F.one_hot(batch.targets, 3)
    with torch.no_grad():
        down = two.T, one.T @ two.T
        stiff = torch.eye(3, dtype=two.dtype) + share * two @ down[0] + share**2 * down[1].T @ down[1]
        top = torch.linalg.solve(stiff, (target - third(second(first(below)))).T).T
        errors = [share**2 * top @ down[1].T, share * top @ down[0].T, top]
        low = first(below) + errors[0]
        met = [below, low, second(low) + errors[1]]
        expected = {
            f"blocks.b{n}.synapse.weight": -e.T @ z / batch.size
            for n, (e, z) in enumerate(zip(errors, met, strict=True))
        }
        expected |= {f"blocks.b{n}.synapse.bias": -e.sum(0) / batch.size for n, e in enumerate(errors)}
    steady = Batch(batch.inputs.expand(300, *batch.inputs.shape[1:]), batch.targets)
    compare("pc-spiking", changes(PCSpiking(coupling=2.0, decay=0.5), network, steady), expected)


@identity("pal")
def pal() -> None:
    """Without noise and with the transposes, weights change by backpropagation once the layers have settled."""
    network, batch = _network(Tanh(), Linear()), _batch()
    rule = PAL(steps=2 * len(network.blocks), sigma=0.0, beta=0.5, dt=0.2)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    for name in memory:
        memory[name].copy_(network.get_parameter(f"blocks.{name.removeprefix(PREFIX)}.synapse.weight"))
    *_, settled = rule.updates(network, batch, memory, torch.Generator())
    loss = 0.5 * (_forward(network, batch)[-1] - F.one_hot(batch.targets, 3)).square().sum() / batch.size
    names, parameters = zip(*network.named_parameters(), strict=True)
    slopes = torch.autograd.grad(rule.beta * rule.dt * loss, parameters)
    compare("pal", settled.grads, dict(zip(names, slopes, strict=True)))


@identity("pc-kl")
def pc_kl() -> None:
    """Gaussians of unit variance are prospective configuration; others descend the divergences that torch knows."""
    network, batch = _network(Tanh(), Linear()), _batch()
    plain = ProspectiveConfiguration(CrossEntropy(), iterations=STEPS, eta=RATE)
    found = changes(PCKL(CrossEntropy(), "gaussian", iterations=STEPS, eta=RATE), network, batch)
    compare("pc-kl", found, changes(plain, network, batch))
    for name, (activation, torchs) in TORCHS.items():
        network = _network(activation, Linear())
        expected = _descended(network, *_kl_energy(network, batch, activation, torchs), STEPS - 1)
        rule = PCKL(CrossEntropy(), name, iterations=STEPS, eta=RATE)
        compare("pc-kl", changes(rule, network, batch), expected)


def _kl_energy(
    network: Network, batch: Batch, activation: Activation, torchs: Callable[[Tensor], Distribution]
) -> tuple[Callable[[list[Tensor]], Tensor], list[Tensor]]:
    """Torch's divergences of hidden layers and the cross-entropy of the output, and the values of a forward pass."""
    *hidden_blocks, last = network.blocks.values()

    def energy(hidden: list[Tensor]) -> Tensor:
        sent = [batch.inputs[0], *map(activation, hidden)]
        means = [block.synapse(value) for block, value in zip(hidden_blocks, sent, strict=False)]
        apart = [kl_divergence(torchs(v), torchs(mean)).sum() for v, mean in zip(hidden, means, strict=True)]
        return torch.stack(apart).sum() + F.cross_entropy(last.synapse(sent[-1]), batch.targets, reduction="sum")

    start, sent = [], batch.inputs[0]
    for block in hidden_blocks:
        start.append(block.synapse(sent).detach())
        sent = activation(start[-1])
    return energy, start


def _descended(
    network: Network, energy: Callable[[list[Tensor]], Tensor], hidden: list[Tensor], steps: int
) -> dict[str, Tensor]:
    """Derivatives of an energy of hidden values in the weights, mean of the samples, after some steps of the values."""
    for _ in range(steps):
        leaves = [value.detach().requires_grad_() for value in hidden]
        slopes = torch.autograd.grad(energy(leaves), leaves)
        hidden = [value.detach() - RATE * slope for value, slope in zip(leaves, slopes, strict=True)]
    names, parameters = zip(*network.named_parameters(), strict=True)
    found = torch.autograd.grad(energy(hidden) / len(hidden[0]), parameters)
    return dict(zip(names, found, strict=True))


def _network(hidden: Activation, output: Activation, *, bias: bool = True) -> Network:
    sizes = (5, 6, 4, 3)
    blocks = {
        f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1], bias=bias), Rate(output if n == 2 else hidden))
        for n in range(3)
    }
    network = Network(blocks)
    draw(network, 0.9)
    return network


def _batch() -> Batch:
    drawn = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch(drawn, torch.tensor([0, 2, 1, 2]))


def _predicted(network: Network, values: list[Tensor]) -> list[Tensor]:
    """What layers predict from the values below them, as many as there are; tanh in the hidden ones."""
    blocks = list(network.blocks.values())
    currents = [block.synapse(value) for block, value in zip(blocks, values, strict=False)]
    return [
        current if block is blocks[-1] else current.tanh() for block, current in zip(blocks, currents, strict=False)
    ]


def _forward(network: Network, batch: Batch) -> list[Tensor]:
    """The values of all layers in a pass from below, differentiable in the weights."""
    found = [batch.inputs[0]]
    for _ in network.blocks:
        found.append(_predicted(network, found)[-1])
    return found[1:]
