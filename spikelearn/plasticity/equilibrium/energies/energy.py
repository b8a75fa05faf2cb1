"""Energies of a network's layer values: inference descends them in the values, learning in the weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from spikelearn.network import Network
from spikelearn.plasticity.requires import trainable_names

#: {block: values of its neurons, [T, B, ...]}; each of the T steps is a presentation of its own.
Values = dict[str, Tensor]

#: Largest residual of a sample whose inference is said to have settled.
SETTLED = 0.1


@dataclass(frozen=True)
class Slopes:
    """Derivatives of an energy at some values.

    Args:
        sums: makes the energy without the loss, and the part of it that is a loss of the output, sums of all samples;
            most iterations do not ask.
        values: {block: dE/dv}, shaped like the values.
        forces: {block: the two parts of dE/dv that balance at the equilibrium}; {} where there are no such two.
    """

    sums: Callable[[], tuple[Tensor, Tensor]]
    values: Values
    forces: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @cached_property
    def _found(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            energy, loss = self.sums()
        return energy.detach(), loss.detach()

    @property
    def energy(self) -> Tensor:
        """The energy without the loss; scalar."""
        return self._found[0]

    @property
    def loss(self) -> Tensor:
        """The part of the energy that is a loss of the output; scalar."""
        return self._found[1]

    @property
    def total(self) -> Tensor:
        """Energy and loss together."""
        return self.energy + self.loss


class Energy(ABC):
    r"""A function $E(v, \theta)$ of the values v of a network's blocks and of its parameters, sum of all samples.

    Inference finds values at which $\partial E / \partial v = 0$; the weights then learn by
    $\partial E / \partial\theta$. A subclass says what E is, by operations of torch, and where inference begins; it may
    give derivatives in closed form.

    Args:
        network: whose values they are, within a presentation.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    @abstractmethod
    def start(self) -> Values:
        """The values at which inference begins."""

    @abstractmethod
    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        """(energy without the loss, loss), sums of all samples, differentiable in the values and the parameters."""

    def slopes(self, values: Values) -> Slopes:
        """The derivatives in the values."""
        leaves = {name: value.detach().requires_grad_() for name, value in values.items()}
        with torch.enable_grad():
            energy, loss = self.of(leaves)
            found = torch.autograd.grad(energy + loss, list(leaves.values()))
        return Slopes(lambda: (energy, loss), dict(zip(leaves, found, strict=True)))

    def weight_slopes(self, values: Values, slopes: Slopes) -> dict[str, Tensor]:
        """{trainable parameter: dE/dparameter}, sum of all samples, at values whose ``slopes`` are known."""
        names = trainable_names(self.network)
        with torch.enable_grad():
            energy, loss = self.of({name: value.detach() for name, value in values.items()})
            found = torch.autograd.grad(energy + loss, [self.network.get_parameter(name) for name in names])
        return dict(zip(names, found, strict=True))

    def residuals(self, values: Values, slopes: Slopes) -> Tensor:
        """How far every sample is from its equilibrium, [B], dimensionless: 0 there.

        Where two forces balance: the largest over the blocks of the length of their sum, relative to that of the
        longer one. Elsewhere: the length of dE/dv relative to that of v.
        """
        if not slopes.forces:
            slope, size = (_length(list(each.values())) for each in (slopes.values, values))
            return _relative(slope, size)
        found = []
        for name, (one, other) in slopes.forces.items():
            longer = torch.maximum(_length([one]), _length([other]))
            found.append(_relative(_length([slopes.values[name]]), longer))
        return torch.stack(found).amax(0)

    def weights_changed(self) -> None:
        """Forget what was computed from the weights; to be called where they change within one inference."""


def settling(energy: Energy, values: Values, slopes: Slopes) -> dict[str, float]:
    """Metrics of an inference at its last values: mean energy of a sample, mean residual, share that has settled.

    {} where there are no values to settle.
    """
    if not values:
        return {}
    residuals = energy.residuals(values, slopes)
    return {
        "energy": float(slopes.energy) / len(residuals),
        "residual": float(residuals.mean()),
        "settled": float((residuals <= SETTLED).float().mean()),
    }


def _length(parts: list[Tensor]) -> Tensor:
    """Euclidean length of each sample's numbers in all ``parts`` [T, B, ...] together, [B]."""
    lengths = [torch.linalg.vector_norm(part.flatten(2), dim=(0, 2)) for part in parts]
    return lengths[0] if len(lengths) == 1 else torch.linalg.vector_norm(torch.stack(lengths), dim=0)


def _relative(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, 0 where both are 0."""
    return torch.where(part > 0, part / whole.clamp_min(torch.finfo(part.dtype).tiny), 0.0)
