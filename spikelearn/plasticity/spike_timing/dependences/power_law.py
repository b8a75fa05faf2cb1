"""Potentiation by a power of the weight, depression in proportion to it."""

from torch import Tensor

from spikelearn.checks import check_not_negative, check_positive
from spikelearn.plasticity.spike_timing.dependences.base import DEPENDENCES, Dependence


@DEPENDENCES.register("power-law")
class PowerLaw(Dependence):
    r"""$f_+(w) = w_0 (w / w_0)^\mu$ and $f_-(w) = w$: strong synapses gain a smaller share than weak ones.

    There is no upper bound to reach: potentiation and depression balance. The rule's amplitudes are then shares of the
    weight, dimensionless.

    Args:
        mu: $\mu$, power of potentiation, dimensionless.
        w0: $w_0$, weight at which potentiation is in proportion, unit of weight.

    Shapes: w [out, in], factors [out, in]; both unit of weight.

    Raises:
        ValueError: a negative power, a w0 that is not positive, weights that may be negative.

    Source: Morrison, Aertsen & Diesmann, Neural Computation 19, 2007.
    """

    def __init__(self, mu: float = 0.4, w0: float = 1.0) -> None:
        check_not_negative("mu", mu)
        check_positive("w0", w0, "unit of weight")
        self.mu, self.w0 = mu, w0

    def check(self, rule: str, low: float, high: float) -> None:
        if low < 0:
            raise ValueError(
                f"{rule} has low = {low}, but the weight dependence {self} is of positive weights: set low to 0"
            )

    def factors(self, weight: Tensor, low: float, high: float) -> tuple[Tensor | float, Tensor | float]:
        return self.w0 ** (1.0 - self.mu) * weight**self.mu, weight
