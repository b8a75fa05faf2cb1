"""The derivative of an arc tangent."""

import math

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative


@SURROGATES.register("atan")
class ATan(SurrogateDerivative):
    r"""Derivative of an arc tangent, $\psi(x) = \frac{\alpha/2}{1 + (\pi\alpha x/2)^2}$.

    Args:
        alpha: sharpness, per unit of potential; $\psi(0) = \alpha/2$.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``alpha`` not positive.

    Source: Fang et al., ICCV 2021 (PLIF); the default of snnTorch and SpikingJelly.
    """

    def __init__(self, alpha: float = 2.0) -> None:
        check_positive("alpha", alpha)
        self.alpha = alpha

    def __call__(self, x: Tensor) -> Tensor:
        return (x * (math.pi * self.alpha / 2)).square_().add_(1.0).reciprocal_().mul_(self.alpha / 2)
