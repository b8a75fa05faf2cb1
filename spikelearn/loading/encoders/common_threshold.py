"""Rate coding with one threshold a step."""

import torch
from torch import Tensor

from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities
from spikelearn.seeding import generator_for


@ENCODERS.register("common-threshold")
class CommonThreshold(Encoder):
    r"""Spikes where the intensity exceeds a random threshold that all pixels share, $x[t] = 1$ iff $r[t] < x$.

    Per pixel the rate is the intensity, as with independent spikes, but the pixels of a step agree: what differs from
    step to step is where the image is cut.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program. deviation: one threshold per sample and step,
    $r[t] \sim U[0, 1)$; theirs is shared by the samples of a batch as well.
    """

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_intensities(pixels)
        drawn = [torch.rand(n_steps, generator=generator_for(*key, index)) for index in indices.tolist()]
        thresholds = torch.stack(drawn, dim=1).view(n_steps, -1, *[1] * (pixels.ndim - 1))
        return (thresholds < pixels).view(torch.uint8)
