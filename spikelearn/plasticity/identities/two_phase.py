"""Identities of the rules of two phases."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import IF, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import SAMPLES, changes, compare, dense, draw, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import hidden_spikes, output_spikes
from spikelearn.plasticity.losses import CrossEntropy
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from spikelearn.plasticity.two_phase.forward_forward import ForwardForward
from spikelearn.plasticity.two_phase.pepita import Pepita
from spikelearn.synapses import Normalise


@identity("emstdp")
def emstdp() -> None:
    """A relay neuron and an output by hand: the spike counts of the two phases that meet."""
    network = _relays(2)
    inputs = torch.zeros(11, 1, 1, dtype=torch.float64)
    # Phases of five steps. The relay fires with its input, the output a step later.
    inputs[[0, 1, 2, 6, 9]] = 1.0
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = {"blocks.b0.synapse.weight": -2 * (2 - 2) / 5 * one, "blocks.b1.synapse.weight": -2 * (2 - 3) / 5 * one}
    compare("emstdp", changes(EMSTDP(epsilon=100.0), network, Batch(inputs, torch.tensor([0]))), expected)


@identity("emstdp-loihi")
def emstdp_loihi() -> None:
    """One input spike by hand: the output fires for it and for the error, x = 1/16, y = 1 + 1/16, tag 2."""
    rule = EMSTDPLoihi(tau_trace=1e-3 / math.log(2.0), hidden_exponent=4, output_exponent=5)
    inputs = torch.zeros(5, 1, 1, dtype=torch.float64)
    inputs[0] = 1.0
    change = (2**-5 * (17 / 16) - 2**-6 * 2) / 16
    expected = {"blocks.b0.synapse.weight": torch.full((1, 1), -change, dtype=torch.float64)}
    compare("emstdp-loihi", changes(rule, _relays(1), Batch(inputs, torch.tensor([0]))), expected)


@identity("pepita")
def pepita() -> None:
    """Spikes of two plain loops; and where the error comes as by the output's weights, ``bptt`` in the limit."""
    network, batch = dense(6, 8, 4), spikes_for(6, 4)
    rule = Pepita(modulation="input", scale=1.0, gain=3.0)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    error = _error(3.0 * output_spikes(network, batch).mean(0), batch)
    second = Batch(batch.inputs + error @ memory["back_weights.inputs"], batch.targets)
    seen, later = hidden_spikes(network, batch).mean(0), hidden_spikes(network, second).mean(0)
    told = _error(3.0 * output_spikes(network, second).mean(0), batch)
    expected = {"b0": (seen - later, second.inputs.mean(0)), "b1": (told, later)}
    compare("pepita", changes(rule, network, batch, memory), _products(expected))

    network = Network({"b0": Block(nn.Linear(6, 5), Rate()), "b1": Block(nn.Linear(5, 4), Rate(Linear()))})
    draw(network, 0.9)
    inputs = torch.rand(1, SAMPLES, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    batch, small = Batch(inputs, batch.targets), 1e-6
    below, above = (network.get_parameter(f"blocks.b{n}.synapse.weight").detach() for n in (0, 1))
    memory = {"back_weights.inputs": -small * above @ torch.linalg.pinv(below).t()}
    changed = changes(Pepita(modulation="input", gain=1.0), network, batch, memory)
    changed = {name: change / small if ".b0." in name else change for name, change in changed.items()}
    names, parameters = zip(*network.named_parameters(), strict=True)
    (first, bias), (last, shift) = parameters[:2], parameters[2:]
    value = F.cross_entropy(F.linear(F.linear(inputs[0], first, bias).relu(), last, shift), batch.targets)
    compare(
        "pepita", changed, dict(zip(names, torch.autograd.grad(value, parameters), strict=True)), within=100 * small
    )


def _error(logits: Tensor, batch: Batch) -> Tensor:
    return logits.detach().softmax(1) - torch.eye(logits.shape[1], dtype=logits.dtype)[batch.targets]


def _products(factors: dict[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """{parameter: mean over the samples of post times pre, or times 1}, of {block: (post, pre)}."""
    products = {}
    for name, (post, pre) in factors.items():
        products[f"blocks.{name}.synapse.weight"] = torch.einsum("bi,bj->ij", post, pre).detach() / SAMPLES
        products[f"blocks.{name}.synapse.bias"] = post.detach().mean(0)
    return products


@identity("forward-forward")
def forward_forward() -> None:
    """Linear units by hand: each run changes a weight by what meets it, what it gives, and how unsure the block is."""
    synapses = (nn.Linear(5, 4, bias=False), nn.Sequential(Normalise(), nn.Linear(4, 6, bias=False)), nn.Linear(6, 3))
    network = Network({f"b{n}": Block(synapse, Rate(Linear())) for n, synapse in enumerate(synapses)})
    draw(network, 1.5)
    samples = torch.rand(2, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    targets, behind = torch.tensor([0, 2]), torch.tensor([2, 1])
    batch = Batch(samples.unsqueeze(0), targets, draws={"negatives": behind})
    first, second = (
        network.get_parameter(name).detach() for name in ("blocks.b0.synapse.weight", "blocks.b1.synapse.1.weight")
    )
    expected = {"blocks.b0.synapse.weight": torch.zeros(4, 5), "blocks.b1.synapse.1.weight": torch.zeros(6, 4)}
    for labels, way in ((targets, -1.0), ((targets + behind) % 3, 1.0)):
        met = samples.clone()
        met[:, :3] = samples.max() * torch.eye(3, dtype=torch.float64)[labels]
        for name, weight in zip(expected, (first, second), strict=True):
            given = met @ weight.T
            unsure = torch.sigmoid(way * 2.0 * (given.square().mean(1) - 0.4))
            error = way * 2.0 * unsure.unsqueeze(1) * 2.0 * given / given.shape[1]
            expected[name] = expected[name] + error.T @ met / (2 * len(samples))
            met = given / (given.norm(dim=1, keepdim=True) + 1e-4)
    rule = ForwardForward(CrossEntropy(), threshold=0.4, gain=2.0)
    changed = changes(rule, network, batch)
    compare("forward-forward", {name: changed[name] for name in expected}, expected)


def _relays(count: int) -> Network:
    """Single integrate-and-fire neurons in a row, that send on what they get, a step later each."""
    network = Network(
        {f"b{n}": Block(nn.Linear(1, 1, bias=False), IF(inclusive=True), delay=min(n, 1)) for n in range(count)}
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    return network.to(torch.float64)
