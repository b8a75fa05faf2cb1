"""Poisson rate coding: counts of spikes of a Poisson process."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities
from spikelearn.seeding import generator_for


@ENCODERS.register("poisson")
class PoissonRate(Encoder):
    r"""Spikes of a Poisson process whose rate is the intensity, at most one a step.

    In a step of the length dt the process of the rate $r = r_{max}\,x$ has at least one spike with the probability
    $P(x[t] = 1) = 1 - e^{-r\,dt}$; ``rate`` has $r\,dt$ itself, which is the same for small rates.

    Args:
        max_rate: $r_{max}$, spikes per second at intensity 1.
        dt: length of a step, seconds.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``max_rate`` or ``dt`` not positive; a pixel outside [0, 1].

    Source: Heeger, "Poisson model of spike generation", 2000.
    """

    def __init__(self, max_rate: float = 100.0, *, dt: float = 1e-3) -> None:
        check_positive("max_rate", max_rate)
        check_positive("dt", dt, "s")
        self.max_rate, self.dt = max_rate, dt

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_intensities(pixels)
        chance = -torch.expm1(-self.max_rate * self.dt * pixels.double())
        spikes = torch.empty(n_steps, *pixels.shape, dtype=torch.uint8)
        for place, index in enumerate(indices.tolist()):
            noise = torch.rand(n_steps, *pixels.shape[1:], generator=generator_for(*key, index), dtype=torch.float64)
            spikes[:, place] = noise < chance[place]
        return spikes
