"""Divergences between the values of a layer and their prediction: the terms of predictive coding's energy."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor


class DivergenceSlopes(NamedTuple):
    """Derivatives of a divergence, summed over all samples.

    Args:
        energy: the divergence, scalar.
        value: derivative in the values, shaped like them.
        prediction: derivative in the prediction.
    """

    energy: Tensor
    value: Tensor
    prediction: Tensor


class Divergence(ABC):
    """How far the values v of a layer are from their prediction; 0 where they agree."""

    @abstractmethod
    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        """The divergence of every sample, [T, B, ...] -> [B], of differentiable operations of torch."""

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        """Derivatives in both."""
        given = [part.detach().requires_grad_() for part in (value, prediction)]
        with torch.enable_grad():
            energy = self.of(*given).sum()
            found = torch.autograd.grad(energy, given)
        return DivergenceSlopes(energy.detach(), *found)


class Gaussian(Divergence):
    r"""Half the squared distance, $\frac12 |v - \mu|^2$: that of Gaussians of unit variance."""

    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        return 0.5 * (value - prediction).square().flatten(2).sum((0, 2))

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        error = value - prediction
        return DivergenceSlopes(0.5 * error.square().sum(), error, -error)
