"""Dark for bright."""

from torch import Tensor

from spikelearn.loading.encoders.base import ENCODERS
from spikelearn.loading.encoders.transform import Transform


@ENCODERS.register("invert")
class Invert(Transform):
    """Dark for bright, 1 - x: behind it a time code tells dark pixels first.

    Shapes: intensities [B, C, ...] in 0..1 -> the same.

    Raises:
        ValueError: a pixel outside [0, 1].

    Source: standard.
    """

    def transform(self, pixels: Tensor) -> Tensor:
        return 1.0 - pixels

    def decoded(self, intensities: Tensor) -> Tensor:
        """The intensities of which these are the opposite."""
        return 1.0 - intensities
