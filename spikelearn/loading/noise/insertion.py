"""Spikes that are added."""

import torch
from torch import Tensor

from spikelearn.loading.noise.base import NOISES, Noise, check_not_negative


@NOISES.register("insertion")
class Insertion(Noise):
    """Spikes appear anywhere, so many for each that is there.

    Every place and step without a spike gets one with the same probability, such that on average ``share`` times as
    many come as the sample has (or all that there is room for).

    Args:
        share: spikes that come per spike that is there, at least 0.

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``share`` negative.

    Source: standard; as tonic's ``UniformNoise``, in proportion to the sample.
    """

    of_pixels = False

    def __init__(self, share: float) -> None:
        check_not_negative("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        spikes = int(sample.count_nonzero())
        probability = self.share * spikes / max(sample.numel() - spikes, 1)
        comes = torch.rand(sample.shape, generator=generator) < probability
        return torch.maximum(sample.to(torch.uint8), comes.view(torch.uint8))
