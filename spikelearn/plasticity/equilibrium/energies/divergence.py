"""Divergences between the values of a layer and their prediction: the terms of predictive coding's energy."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from spikelearn.registry import Registry


class DivergenceSlopes(NamedTuple):
    """Derivatives of a divergence, summed over all samples.

    Args:
        value: derivative in the values, shaped like them.
        prediction: derivative in the prediction.
    """

    value: Tensor
    prediction: Tensor


class Divergence(ABC):
    """How far the values v of a layer are from their prediction; 0 where they agree."""

    #: The name under which the divergence is registered, which is that of a distribution; ``DIVERGENCES.register``
    #: sets it.
    name: ClassVar[str] = "unregistered"
    #: A step size of the values that its curvature allows, unit of value per unit of slope.
    eta: ClassVar[float] = 0.3

    @abstractmethod
    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        """The divergence of every sample, [T, B, ...] -> [B], of differentiable operations of torch."""

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        """Derivatives in both."""
        given = [part.detach().requires_grad_() for part in (value, prediction)]
        with torch.enable_grad():
            found = torch.autograd.grad(self.of(*given).sum(), given)
        return DivergenceSlopes(*found)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


DIVERGENCES = Registry("distribution", Divergence)


@DIVERGENCES.register("gaussian")
class Gaussian(Divergence):
    r"""Gaussian values of unit variance: half the squared distance, $D = \frac12 |v - \mu|^2$.

    Shapes: v and mu [T, B, n, ...], dimensionless.

    Source: Whittington & Bogacz, Neural Computation 29, 2017.
    """

    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        return 0.5 * (value - prediction).square().flatten(2).sum((0, 2))

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        error = value - prediction
        return DivergenceSlopes(error, -error)
