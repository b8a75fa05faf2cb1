"""From additive to multiplicative: changes shrink towards the bounds."""

import math

from torch import Tensor

from spikelearn.checks import check_not_negative
from spikelearn.plasticity.spike_timing.dependences.base import DEPENDENCES, Dependence


@DEPENDENCES.register("power")
class Power(Dependence):
    r"""A power of the distance to the bound, $f_+(w) = (1 - u)^{\mu_+}$, $f_-(w) = u^{\mu_-}$.

    $u = (w - \mathrm{low}) / (\mathrm{high} - \mathrm{low})$. Both powers 0: additive; both 1: multiplicative; 0 for
    potentiation and 1 for depression: van Rossum's rule.

    Args:
        mu_plus, mu_minus: powers of potentiation and depression, dimensionless.

    Shapes: w [out, in], unit of weight; factors [out, in], dimensionless.

    Raises:
        ValueError: a negative power, a bound that is infinite.

    Source: Gutig, Aharonov, Rotter & Sompolinsky, Journal of Neuroscience 23, 2003.
    """

    def __init__(self, mu_plus: float = 1.0, mu_minus: float = 1.0) -> None:
        check_not_negative("mu_plus", mu_plus)
        check_not_negative("mu_minus", mu_minus)
        self.mu_plus, self.mu_minus = mu_plus, mu_minus

    def check(self, rule: str, low: float, high: float) -> None:
        if not math.isfinite(high - low):
            raise ValueError(
                f"{rule} has low = {low} and high = {high}, but the weight dependence {self} is of the distance to "
                "bounds: give finite ones"
            )

    def factors(self, weight: Tensor, low: float, high: float) -> tuple[Tensor | float, Tensor | float]:
        share = (weight - low) / (high - low)
        return (1.0 - share) ** self.mu_plus, share**self.mu_minus
