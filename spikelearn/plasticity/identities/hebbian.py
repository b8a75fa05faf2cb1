"""Identities of the rules that learn from pairs of spikes."""

import math

import torch

from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity.hebbian.bcm import BCM
from spikelearn.plasticity.hebbian.foldiak import Foldiak
from spikelearn.plasticity.hebbian.oja import Oja
from spikelearn.plasticity.hebbian.stdp import STDP
from spikelearn.plasticity.hebbian.stdp_online import OnlineSTDP
from spikelearn.plasticity.identities.base import DECAY, SAMPLES, changes, compare, dense, draw, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import pair_sum


@identity("stdp")
def stdp() -> None:
    """The change is the sum over all pairs of spikes."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    changed = changes(STDP(0.3, 0.2, 5e-3, 12e-3), network, batch)
    compare("stdp", changed, pair_sum(batch, network.run(batch.inputs)[0].output.spikes))


@identity("stdp-online")
def stdp_online() -> None:
    """The weights end where a loop over steps and samples leaves them."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    rule = OnlineSTDP(0.1, 0.06, 5e-3, 12e-3, low=-5.0, high=5.0)
    start, bias = (p.detach().clone() for p in network.parameters())
    weight = start.clone()
    v = y = torch.zeros(SAMPLES, 5, dtype=torch.float64)
    x = torch.zeros(SAMPLES, 6, dtype=torch.float64)
    for spikes in batch.inputs:
        v = DECAY * v + spikes @ weight.T + bias
        fired = (v > 1.0).to(v.dtype)
        v = v - fired
        x, y = math.exp(-1 / 5) * x, math.exp(-1 / 12) * y
        weight = (weight + (0.1 * fired.T @ x - 0.06 * y.T @ spikes) / SAMPLES).clamp(-5.0, 5.0)
        x, y = x + spikes, y + fired
    compare("stdp-online", changes(rule, network, batch), {"blocks.b0.synapse.weight": start - weight})


@identity("oja")
def oja() -> None:
    """Sample by sample and neuron by neuron, from the rates of both sides."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    weight, name = network.get_parameter("blocks.b0.synapse.weight").detach(), "blocks.b0.synapse.weight"
    rates = zip(batch.inputs.mean(0), network.run(batch.inputs)[0].output.spikes.detach().mean(0), strict=True)
    expected = {
        "own": torch.zeros_like(weight),
        "sanger": torch.zeros_like(weight),
        "subspace": torch.zeros_like(weight),
    }
    for x, y in rates:
        for k in range(5):
            for form, others in (("own", [k]), ("sanger", range(k + 1)), ("subspace", range(5))):
                left = x.clone()
                for other in others:
                    left -= y[other] * weight[other]
                expected[form][k] += y[k] * left / SAMPLES
    compare("oja", changes(Oja("own"), network, batch), {name: -expected["own"]})
    compare("oja", changes(Oja("sanger"), network, batch), {name: -expected["sanger"]})
    compare("oja", changes(Oja("subspace"), network, batch), {name: -expected["subspace"]})


@identity("bcm")
def bcm() -> None:
    """Sample by sample, from the rates of both sides and the thresholds that two batches before have left."""
    network, batch = dense(6, 5), spikes_for(6, 5)
    name, rule = "blocks.b0.synapse.weight", BCM(0.3)
    rates = network.run(batch.inputs)[0].output.spikes.detach().mean(0)
    memory, generator = rule.init(network, torch.Generator()), torch.Generator()
    for _ in range(2):
        (update,) = rule.updates(network, batch, memory, generator)
        memory = {**memory, **update.memory}
    square = sum(y * y for y in rates) / SAMPLES
    threshold = 0.49 + (0.3 + 0.7 * 0.3) * square
    expected = torch.zeros_like(network.get_parameter(name)).detach()
    for x, y in zip(batch.inputs.mean(0), rates, strict=True):
        for k in range(5):
            expected[k] -= float(y[k] * (y[k] - threshold[k])) * x / SAMPLES
    compare("bcm", changes(rule, network, batch, memory), {name: expected})


@identity("foldiak")
def foldiak() -> None:
    """Sample by sample, neuron by neuron; lateral weights that would go above 0 are cut there."""
    network, batch = build("6-5(F5x)", lambda: LIF.per_step(DECAY, reset="subtract")), spikes_for(6, 5)
    draw(network, 0.9)
    lateral, weight, bias = sorted((name for name, _ in network.named_parameters()), key=_own)
    with torch.no_grad():
        network.get_parameter(lateral).abs_().neg_()
    values = {name: parameter.detach() for name, parameter in network.named_parameters()}
    y = network.run(batch.inputs)[0].output.spikes.detach().mean(0)
    x, change = batch.inputs.mean(0), {name: torch.zeros_like(value) for name, value in values.items()}
    for b in range(SAMPLES):
        for i in range(5):
            change[weight][i] += 0.3 * y[b, i] * (x[b] - values[weight][i]) / SAMPLES
            change[bias][i] += 0.5 * (0.4 - y[b, i]) / SAMPLES
            for j in range(5):
                change[lateral][i, j] -= 2.0 * (i != j) * (y[b, i] * y[b, j] - 0.4**2) / SAMPLES
    change[lateral] = torch.minimum(change[lateral], -values[lateral]).fill_diagonal_(0.0)
    found = changes(Foldiak(0.3, 2.0, 0.5, 0.4), network, batch)
    compare("foldiak", found, {name: -value for name, value in change.items()})


def _own(name: str) -> tuple[bool, bool]:
    """Sorts lateral weights before those of a block, and these before its bias."""
    return not name.startswith("feedback."), name.endswith("bias")
