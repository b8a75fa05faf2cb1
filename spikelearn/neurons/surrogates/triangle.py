"""A triangular derivative."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative


@SURROGATES.register("triangle")
class Triangle(SurrogateDerivative):
    r"""Piecewise linear bump, $\psi(x) = \gamma\,\max(0, 1 - |x|/w)$; exactly zero far from threshold.

    Args:
        width: half width w, unit of potential.
        height: $\gamma = \psi(0)$, per unit of potential.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``width`` or ``height`` not positive.

    Source: Bellec et al., NeurIPS 2018 ($\gamma$ = 0.3, w = the threshold there).
    """

    def __init__(self, width: float = 1.0, height: float = 1.0) -> None:
        check_positive("width", width)
        check_positive("height", height)
        self.width, self.height = width, height

    def __call__(self, x: Tensor) -> Tensor:
        return x.abs().mul_(-self.height / self.width).add_(self.height).clamp_(min=0.0)
