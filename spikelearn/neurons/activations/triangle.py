"""Rectification above the mean of a layer."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, UNITS, Layerwise


@ACTIVATIONS.register("triangle")
class MeanTriangle(Layerwise):
    r"""Triangle activation, $\phi(a)_i = \max(a_i - \bar a, 0)^p$ with $\bar a$ the mean of the layer's units.

    In an image the mean is that of the maps at the same place. An error q at the outputs becomes
    $g_i = p\,\max(a_i - \bar a, 0)^{p-1} q_i$ (0 where the output is 0), and $g_i - \bar g$ at the currents.

    Args:
        power: p, dimensionless.

    Shapes: current a and output [B, n, ...], the mean over n.

    Raises:
        ValueError: a power that is not positive.

    Source: Coates, Ng & Lee, AISTATS 2011; with a power: Journe et al., ICLR 2023.
    """

    def __init__(self, power: float = 1.0) -> None:
        check_positive("power", power)
        self.power = power

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        above = self._above(current)
        if self.power == 1.0:
            return above
        # The slope of a power below 1 is infinite at 0: what stands there is left out of it.
        fires = above > 0
        return above.where(fires, 1.0).pow(self.power).where(fires, 0.0)

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        above = self._above(current)
        fires = above > 0
        slope = self.power * above.where(fires, 1.0).pow(self.power - 1.0)
        own = (error * slope).where(fires, 0.0)
        return own - own.mean(UNITS, keepdim=True)

    @staticmethod
    def _above(current: Tensor) -> Tensor:
        return (current - current.mean(UNITS, keepdim=True)).relu()
