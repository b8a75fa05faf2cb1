"""Identities of the rules that learn from targets of hidden neurons."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF, Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, draw, identity
from spikelearn.plasticity.losses import CrossEntropy
from spikelearn.plasticity.targets.desire import Desire
from spikelearn.plasticity.targets.dtp import DTP
from spikelearn.plasticity.targets.fw_dtp import FWDTP

#: Step of the output towards its target, in the identities of difference target propagation.
STEP = 0.3


@identity("desire")
def desire() -> None:
    """Two inputs and two outputs by hand: which outputs wish, in which direction, and what their inputs left."""
    neuron = LIF.per_step(0.0, reset="subtract", inclusive=True)
    network = Network({"b0": Block(nn.Linear(2, 2, bias=False), neuron)}).to(torch.float64)
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(torch.eye(2))
    steps = [[1.0, 1.0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0]]
    batch = Batch(torch.tensor(steps, dtype=torch.float64).unsqueeze(1), torch.tensor([1]))
    # Of four spikes at most the wrong class fires four, the right one one: errors 1 and 3/4, at each input's spikes.
    expected = {"blocks.b0.synapse.weight": torch.tensor([[4.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)}
    compare("desire", changes(Desire(margin=4, threshold_output=0.3), network, batch), expected)


@identity("fw-dtp")
def fw_dtp() -> None:
    """With linear maps back, the error of feedback alignment goes down, without the slopes of what it crosses."""
    network, batch = _units(), _values()
    rule = FWDTP(CrossEntropy(), stepsize=STEP, bound=0.5, feedback=Linear())
    memory = rule.init(network, torch.Generator().manual_seed(0))
    sent, expected = _output_error(network, batch), {}
    for name, value in reversed(_rates(network, batch).items()):
        (weight,) = network.blocks[name].synapse.parameters()
        # The mean over the samples of |h - t|^2, whose derivative in h is twice the error that arrives.
        distance = 2.0 * STEP * (sent * value).sum() / batch.size
        expected[f"blocks.{name}.synapse.weight"] = torch.autograd.grad(distance, weight)[0]
        sent = sent @ memory[f"back_weights.{name}"].T if name != "b0" else sent
    compare("fw-dtp", changes(rule, network, batch, memory), expected, 1e-12)


@identity("dtp")
def dtp() -> None:
    """The way back descends the squared error of what it makes of a noisy rate; blocks then learn as ``fw-dtp``."""
    network, batch = _units(), _values()
    rule = DTP(CrossEntropy(), stepsize=STEP, bound=0.5, noise=0.2, feedback_steps=1)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    draws = rule.draws(network, batch, torch.Generator().manual_seed(1))
    given = Batch(batch.inputs, batch.targets, draws=draws)
    back, forward = rule.updates(network, given, memory, torch.Generator())
    rates, expected = _rates(network, batch), {}
    for name, below, act in (("b1", "b0", torch.tanh), ("b2", "b1", lambda current: current)):
        noisy = rates[below].detach() + draws[f"noise.{name}"][:, 0]
        sent = act(noisy @ _weight(network, name).T)
        restored = torch.tanh(sent @ memory[f"back_weights.{name}"].T)
        slope = 2.0 * (restored - noisy) * (1.0 - restored.square()) / batch.size
        expected[f"back_weights.{name}"] = slope.T @ sent
    compare("dtp", back.own, expected)
    fixed = FWDTP(CrossEntropy(), stepsize=STEP, bound=0.5)
    compare("dtp", forward.grads, changes(fixed, network, batch, memory))


def _units() -> Network:
    """Two layers of tanh units below linear ones, without biases."""
    sizes = (5, 6, 4, 3)
    blocks = {
        f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1], bias=False), Rate(Linear() if n == 2 else Tanh()))
        for n in range(3)
    }
    network = Network(blocks)
    draw(network, 0.9)
    return network


def _values() -> Batch:
    """Four samples of real numbers, one step."""
    drawn = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch(drawn, torch.tensor([0, 2, 1, 2]))


def _weight(network: Network, name: str) -> Tensor:
    return network.get_parameter(f"blocks.{name}.synapse.weight").detach()


def _rates(network: Network, batch: Batch) -> dict[str, Tensor]:
    """{block: output}, in order, each differentiable in its own weights alone."""
    rates: dict[str, Tensor] = {}
    value = batch.inputs[0]
    for name, block in network.blocks.items():
        current = block.synapse(value.detach())
        value = rates[name] = current if name == "b2" else current.tanh()
    return rates


def _output_error(network: Network, batch: Batch) -> Tensor:
    """Derivative of the sum of the samples' losses in the output."""
    output = _rates(network, batch)["b2"].detach()
    return output.softmax(1) - F.one_hot(batch.targets, output.shape[1])
