"""Identities of three-factor rules whose blocks learn by losses of their own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.plasticity.base import RULES, Rule
from spikelearn.plasticity.identities.base import compare, dense, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import hidden_spikes, sent_by_hand
from spikelearn.plasticity.three_factor.signals.fixed_basis import BASIS, MODULATION

#: Classes, neurons of the hidden block, whose class vectors can be told apart, and temperature of the local losses.
CLASSES, HIDDEN, TEMPERATURE = 4, 24, 0.5


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


def _rule(name: str) -> Rule:
    """The rule, whose last block descends what is unrolled by hand."""
    return RULES.make(name, {"loss": "cross-entropy-rate"})


def _compare(name: str, modulation: dict[str, Tensor], like: str = "") -> None:
    """Raise ValueError where the changes of a rule, of its modulation too, are not those of the closed form.

    ``like``: nor those of the rule of that name.
    """
    network, batch = dense(6, HIDDEN, CLASSES), spikes_for(6, CLASSES)
    places = torch.arange(HIDDEN, dtype=torch.float64)
    waves = torch.stack([(f * places).sin() for f in torch.linspace(50.0, 512.0, CLASSES, dtype=torch.float64)])
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
