"""Spikes that are lost."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.loading.noise.base import NOISES, Noise


@NOISES.register("deletion")
class Deletion(Noise):
    """Every spike is lost with one probability.

    Args:
        share: that probability, in [0, 1].

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``share`` outside [0, 1].

    Source: standard; as tonic's ``DropEvent``.
    """

    of_pixels = False

    def __init__(self, share: float) -> None:
        check_fraction("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        places = sample.nonzero(as_tuple=True)
        stays = torch.rand(len(places[0]), generator=generator) >= self.share
        return torch.zeros_like(sample).index_put_(places, stays.to(sample.dtype))
