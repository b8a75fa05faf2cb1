"""Contrast of an image, stretched to the whole range."""

from torch import Tensor

from spikelearn.loading.encoders.base import ENCODERS
from spikelearn.loading.encoders.transform import Transform


@ENCODERS.register("stretch")
class Stretch(Transform):
    r"""Contrast stretched so that the darkest pixel of an image is 0 and its brightest 1.

    $$\frac{x - \min x}{\max x - \min x}$$

    over all pixels and channels of an image; an even image becomes 0.

    Shapes: intensities [B, C, ...] in 0..1 -> the same.

    Raises:
        ValueError: a pixel outside [0, 1].

    Source: Gonzalez & Woods, "Digital Image Processing", contrast stretching.
    """

    def transform(self, pixels: Tensor) -> Tensor:
        flat = pixels.flatten(1)
        lowest, highest = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
        span = highest - lowest
        return ((flat - lowest) / span.where(span > 0, 1.0)).view_as(pixels)
