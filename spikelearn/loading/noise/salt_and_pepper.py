"""Pixels that become black or white."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.loading.noise.base import NOISES, Noise


@NOISES.register("salt-and-pepper")
class SaltAndPepper(Noise):
    """Some values become 0 or 1, with equal probability.

    Args:
        share: probability of a value to be changed, in [0, 1].

    Shapes: images [B, C, H, W] in 0..1 -> the same.

    Raises:
        ValueError: ``share`` outside [0, 1].

    Source: standard; Hendrycks & Dietterich, ICLR 2019 ("impulse noise").
    """

    of_pixels = True

    def __init__(self, share: float) -> None:
        check_fraction("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(sample.shape, generator=generator, dtype=sample.dtype)
        salted = torch.where(drawn < self.share, torch.ones_like(sample), sample)
        return torch.where(drawn < self.share / 2, torch.zeros_like(sample), salted)
