"""Normal noise on pixels."""

import torch
from torch import Tensor

from spikelearn.loading.noise.base import NOISES, Noise, check_not_negative


@NOISES.register("gaussian")
class Gaussian(Noise):
    r"""Normal noise on every pixel, clipped: $\mathrm{clip}(x + \mathrm{sd}\,\mathcal N(0, 1), 0, 1)$.

    Args:
        sd: standard deviation, unit of intensity.

    Shapes: images [B, C, H, W] in 0..1 -> the same.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard; Hendrycks & Dietterich, ICLR 2019.
    """

    of_pixels = True

    def __init__(self, sd: float) -> None:
        check_not_negative("sd", sd)
        self.sd = sd

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        return (sample + self.sd * torch.randn(sample.shape, generator=generator, dtype=sample.dtype)).clamp(0.0, 1.0)
