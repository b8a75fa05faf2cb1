"""The derivative of the fast sigmoid, called SuperSpike."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative


@SURROGATES.register("fast-sigmoid")
class FastSigmoid(SurrogateDerivative):
    r"""Derivative of the fast sigmoid, called SuperSpike, $\psi(x) = (1 + \beta|x|)^{-2}$.

    Args:
        slope: $\beta$, per unit of potential; $\psi(0) = 1$ whatever the slope.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``slope`` not positive.

    Source: Zenke & Ganguli, Neural Computation 30, 2018.
    """

    def __init__(self, slope: float = 25.0) -> None:
        check_positive("slope", slope)
        self.slope = slope

    def __call__(self, x: Tensor) -> Tensor:
        return x.abs().mul_(self.slope).add_(1.0).square_().reciprocal_()
