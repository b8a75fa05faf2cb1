"""Latency coding: one spike a pixel, the earlier the brighter."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag, check_fraction
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities


@ENCODERS.register("latency")
class Latency(Encoder):
    r"""One spike a pixel, the earlier the brighter: at step $\lfloor (1 - x)\,T \rfloor$, or T - 1 for x = 0.

    Every step has an equal share of the intensities.

    With ``exact`` a spike within its step is a number in (0, 1], the part of the step for which it has come, so that
    its time $(1 - x)\,T$ is not rounded; rules that know times between steps, such as ``eventprop``, read it.

    Args:
        threshold: intensities at or below it never spike; in [0, 1].
        exact: whether the time within a step is told.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W]; with ``exact`` numbers, in the type of the
        pixels.

    Raises:
        ValueError: ``threshold`` or a pixel outside [0, 1].

    Source: Thorpe, Delorme & Van Rullen, Neural Networks 14, 2001; linear time code as in snnTorch's ``latency``.
    deviation: there $(1 - x)(T - 1)$ is rounded, half to even, and the first and last step have half a share.
    """

    def __init__(self, threshold: float = 0.01, *, exact: bool = False) -> None:
        check_fraction("threshold", threshold)
        check_flag("exact", exact)
        self.threshold, self.exact = threshold, exact

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        # An intensity that belongs to a step's beginning must not fall short of it by the rounding of its type.
        least = torch.finfo(pixels.dtype).eps
        when = ((1.0 - pixels.double() + least) * n_steps).long().clamp_(max=n_steps - 1).unsqueeze(0)
        if self.exact:
            left = (when + 1.0 - (1.0 - pixels.double()) * n_steps).clamp_(least, 1.0) * (pixels > self.threshold)
            return torch.zeros(n_steps, *pixels.shape, dtype=pixels.dtype).scatter_(0, when, left.to(pixels))
        spikes = torch.zeros(n_steps, *pixels.shape, dtype=torch.uint8)
        return spikes.scatter_(0, when, (pixels > self.threshold).view(torch.uint8).unsqueeze(0))

    def decoded(self, spikes: Tensor) -> Tensor:
        """The brightest intensity that a spike can mean by its step or time; 0 where there is none, [T, ...] -> [...].

        Of whole steps it is at most 1/T above the intensity; of ``exact`` times it is the intensity.
        """
        steps = torch.arange(len(spikes), dtype=torch.float64).view(-1, *[1] * (spikes.ndim - 1))
        when = steps + 1.0 - spikes.double() if self.exact else steps
        return ((1.0 - when / len(spikes)) * (spikes > 0)).sum(0)
