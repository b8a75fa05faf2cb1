"""Spikes that move in time."""

import torch
from torch import Tensor

from spikelearn.loading.noise.base import NOISES, Noise, check_not_negative


@NOISES.register("jitter")
class Jitter(Noise):
    r"""Every spike moves by $\mathrm{round}(\mathrm{sd}\,\mathcal N(0, 1))$ steps.

    Both ends of the presentation reflect, so no spike leaves it; spikes of one place that meet become one.

    Args:
        sd: standard deviation, steps, dimensionless.

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard; as tonic's ``TimeJitter``, on binned time. deviation: there events may leave.
    """

    of_pixels = False

    def __init__(self, sd: float) -> None:
        check_not_negative("sd", sd)
        self.sd = sd

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        n_steps = len(sample)
        flat = sample.reshape(n_steps, -1)
        times, places = flat.nonzero(as_tuple=True)
        moves = (self.sd * torch.randn(len(times), generator=generator, dtype=torch.float64)).round().long()
        folded = (times + moves) % (2 * n_steps)
        jittered = torch.zeros_like(flat)
        jittered[torch.minimum(folded, 2 * n_steps - 1 - folded), places] = 1
        return jittered.view_as(sample)
