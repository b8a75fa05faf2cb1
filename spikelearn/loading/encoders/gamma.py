"""A power of the intensity."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.loading.encoders.base import ENCODERS
from spikelearn.loading.encoders.transform import Transform


@ENCODERS.register("gamma")
class Gamma(Transform):
    r"""A power of the intensity, $x^\gamma$: below 1 dark pixels are lifted, above 1 they are pressed down.

    Args:
        power: $\gamma$, dimensionless.

    Shapes: intensities [B, C, ...] in 0..1 -> the same.

    Raises:
        ValueError: ``power`` not positive; a pixel outside [0, 1].

    Source: gamma correction, Poynton, "A Technical Introduction to Digital Video", 1996, chapter 6.
    """

    def __init__(self, power: float = 0.5) -> None:
        check_positive("power", power)
        self.power = power

    def transform(self, pixels: Tensor) -> Tensor:
        return pixels**self.power

    def decoded(self, intensities: Tensor) -> Tensor:
        """The intensities of which these are the power."""
        return intensities ** (1.0 / self.power)
