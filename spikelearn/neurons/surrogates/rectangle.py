"""A box for the derivative."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative


@SURROGATES.register("rectangle")
class Rectangle(SurrogateDerivative):
    r"""A box, $\psi(x) = \gamma$ where $|x| < w$ and exactly zero elsewhere.

    Args:
        width: half width w, unit of potential.
        height: $\gamma$, per unit of potential; 1/(2w) makes its area that of the step.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``width`` or ``height`` not positive.

    Source: Wu, Deng, Li, Zhu & Shi, Frontiers in Neuroscience 12, 2018, $h_1$ (w = 1/2 and height 1 with its a = 1).
    """

    def __init__(self, width: float = 0.5, height: float = 1.0) -> None:
        check_positive("width", width)
        check_positive("height", height)
        self.width, self.height = width, height

    def __call__(self, x: Tensor) -> Tensor:
        return (x.abs() < self.width).to(x.dtype).mul_(self.height)
