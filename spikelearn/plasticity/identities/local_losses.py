"""Identities of three-factor rules whose blocks learn by losses of their own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity.base import RULES, Batch, Rule
from spikelearn.plasticity.identities.base import DECAY, changes, compare, dense, draw, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import hidden_spikes, sent_by_hand
from spikelearn.plasticity.three_factor.signals.fixed_basis import BASIS, MODULATION
from spikelearn.plasticity.three_factor.signals.layer_target import TARGETS
from spikelearn.plasticity.three_factor.signals.local_classifier import CLASSIFIER, OFFSETS

#: Classes, neurons of the hidden block, whose class vectors can be told apart, and temperature of the local losses.
CLASSES, HIDDEN, TEMPERATURE = 4, 24, 0.5

#: Steps at the end at which an output learns.
LAST = 3


@identity("lls")
def lls() -> None:
    """The signal is that of the closed form, with class vectors written out."""
    _compare("lls", {})


@identity("lls-m")
def lls_m() -> None:
    """Factors of classes get their closed form too; where all are 1 it is ``lls``."""
    _compare("lls-m", {MODULATION + "b0": torch.linspace(-0.7, 1.2, CLASSES, dtype=torch.float64)})
    _compare("lls-m", {MODULATION + "b0": torch.ones(CLASSES, dtype=torch.float64)}, like="lls")


@identity("lls-mxm")
def lls_mxm() -> None:
    """A matrix gets its closed form too; where it is the unit matrix it is ``lls``."""
    matrix = torch.linspace(-0.7, 1.2, CLASSES**2, dtype=torch.float64).view(CLASSES, CLASSES).sin()
    _compare("lls-mxm", {MODULATION + "b0": matrix})
    _compare("lls-mxm", {MODULATION + "b0": torch.eye(CLASSES, dtype=torch.float64)}, like="lls")


@identity("local-classifier")
def local_classifier() -> None:
    """The signal is that of a classifier's error, whose own change is an outer product; blocks above do not matter."""
    network, batch = dense(6, HIDDEN, CLASSES), spikes_for(6, CLASSES)
    rule = RULES.make("local-classifier", {"gain": 3.0})
    memory = rule.init(network, torch.Generator().manual_seed(0))
    (update,) = rule.updates(network, batch, memory, torch.Generator())
    weights, rate = memory[CLASSIFIER + "b0"], hidden_spikes(network, batch).detach().mean(0)
    target = F.one_hot(batch.targets, CLASSES).double()
    error = F.softmax(3.0 * rate @ weights.t() + memory[OFFSETS + "b0"], 1) - target
    own = {CLASSIFIER + "b0": 3.0 * error.t() @ rate / len(rate), OFFSETS + "b0": error.mean(0)}
    compare("local-classifier", update.own, own)
    compare("local-classifier", update.grads, sent_by_hand(network, batch, 3.0 * error @ weights))
    deep = dense(6, HIDDEN, 7, CLASSES)
    memory = rule.init(deep, torch.Generator().manual_seed(0))
    first = changes(rule, deep, batch, memory)
    with torch.no_grad():
        for parameter in deep.blocks["b2"].parameters():
            parameter.neg_()
    again = changes(rule, deep, batch, memory)
    hidden = [name for name in first if not name.startswith("blocks.b2.")]
    compare("local-classifier", {n: again[n] for n in hidden}, {n: first[n] for n in hidden}, within=0.0)


@identity("tess")
def tess() -> None:
    """Both forms are a plain loop over the steps, in which errors stay within their block and step."""
    sizes = (6, 9, 8)
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, outputs), LIF.per_step(DECAY, reset="subtract"))
        for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False))
    }
    blocks["out"] = Block(nn.Linear(sizes[-1], CLASSES), LeakyIntegrator.per_step(0.0))
    network, batch = Network(blocks, readout=MembraneReadout()), spikes_for(6, CLASSES)
    draw(network, 0.9)
    waves = {f"{BASIS}b{n}": _waves(size).sign() for n, size in enumerate(sizes[1:])}
    expected = _stepped(network, batch, list(waves.values()))
    for form in ("step", "sequence"):
        options = {"decay": 0.7, "decay_post": 0.4, "alpha_pre": 0.8, "alpha_post": -0.6, "last_steps": LAST}
        rule = RULES.make("tess", {**options, "form": form})
        drawn = rule.init(network, torch.Generator())
        compare("tess", drawn, waves)
        compare("tess", changes(rule, network, batch, drawn), expected)


def _waves(entries: int) -> Tensor:
    """A sine wave of its own frequency for each class, [classes, entries]."""
    places = torch.arange(entries, dtype=torch.float64)
    return torch.stack([(f * places).sin() for f in torch.linspace(50.0, 512.0, CLASSES, dtype=torch.float64)])


def _stepped(network: Network, batch: Batch, waves: list[Tensor]) -> dict[str, Tensor]:
    """Changes by local losses at every step, and of the output at the last ones, from traces kept by hand."""
    grads = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    target, share = F.one_hot(batch.targets, CLASSES).double(), 1.0 / (LAST * batch.size)
    kept = [(torch.zeros(()), torch.zeros(()), torch.zeros(()))] * len(waves)
    for t, z in enumerate(batch.inputs):
        for n, vectors in enumerate(waves):
            v, traced, slopes = kept[n]
            v, traced = (DECAY * v + network.blocks[f"b{n}"].synapse(z)).detach(), 0.7 * traced + z
            psi, spikes = 0.3 * (1.0 - (v - 1.0).abs()).clamp(min=0.0), (v > 1.0).double()
            m = share * (F.softmax(spikes @ vectors.t() / len(vectors.t()), 1) - target) @ vectors / len(vectors.t())
            grads[f"blocks.b{n}.synapse.weight"] += 0.8 * (m * psi).t() @ traced - 0.6 * (m * slopes).t() @ z
            grads[f"blocks.b{n}.synapse.bias"] += (m * psi).sum(0)
            kept[n], z = (v - spikes, traced, 0.4 * slopes + psi), spikes
        if t >= len(batch.inputs) - LAST:
            error = share * (F.softmax(network.blocks["out"].synapse(z).detach(), 1) - target)
            grads["blocks.out.synapse.weight"] += error.t() @ z
            grads["blocks.out.synapse.bias"] += error.sum(0)
    return grads


@identity("tp-sgd")
def tp_sgd() -> None:
    """Both distances, to targets of single steps and of their mean, are differentiated by a plain loop."""
    network, batch = dense(6, HIDDEN, CLASSES), spikes_for(6, CLASSES)
    spikes = hidden_spikes(network, batch).detach()
    for distance in ("l2", "l1"):
        for over, sent in (("presentation", spikes.mean(0)), ("step", spikes)):
            rule = RULES.make("tp-sgd", {"distance": distance, "over": over})
            memory = rule.init(network, torch.Generator().manual_seed(0))
            away = sent - memory[TARGETS + "b0"][batch.targets]
            expected = sent_by_hand(network, batch, away.sign() if distance == "l1" else away)
            compare("tp-sgd", changes(rule, network, batch, memory), expected)


def _rule(name: str) -> Rule:
    """The rule, whose last block descends what is unrolled by hand."""
    return RULES.make(name, {"loss": "cross-entropy-rate"})


def _compare(name: str, modulation: dict[str, Tensor], like: str = "") -> None:
    """Raise ValueError where the changes of a rule, of its modulation too, are not those of the closed form.

    ``like``: nor those of the rule of that name.
    """
    network, batch = dense(6, HIDDEN, CLASSES), spikes_for(6, CLASSES)
    waves = _waves(HIDDEN)
    memory = {BASIS + "b0": waves, **modulation}
    drawn = _rule(name).init(network, torch.Generator().manual_seed(0))
    compare(name, {BASIS + "b0": drawn[BASIS + "b0"]}, {BASIS + "b0": waves})
    (update,) = _rule(name).updates(network, batch, memory, torch.Generator())
    signal, own = _closed_form(hidden_spikes(network, batch).detach().mean(0), waves, modulation, batch.targets)
    expected = sent_by_hand(network, batch, signal)
    compare(name, update.grads, expected)
    if modulation:
        compare(name, update.own, own)
    if like:
        (other,) = _rule(like).updates(network, batch, {BASIS + "b0": waves}, torch.Generator())
        compare(name, update.grads, other.grads)


def _closed_form(
    rate: Tensor, waves: Tensor, modulation: dict[str, Tensor], targets: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The signal for each sample at the rates of its block [B, n], and the changes of a modulation."""
    length = rate.norm(dim=1, keepdim=True)
    direction = rate / length
    plain = direction @ waves.t()
    mixed = next(iter(modulation.values()), torch.ones(CLASSES, dtype=torch.float64))
    matrix = mixed if mixed.ndim == 2 else mixed.diag()
    errors = (F.softmax(plain @ matrix / TEMPERATURE, 1) - F.one_hot(targets, CLASSES)) / TEMPERATURE
    q = errors @ matrix.t() @ waves
    signal = (q - (q * direction).sum(1, keepdim=True) * direction) / length
    of_matrix = plain.t() @ errors / len(rate)
    return signal, {name: of_matrix if mixed.ndim == 2 else of_matrix.diag() for name in modulation}
