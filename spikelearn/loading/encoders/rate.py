"""Rate coding by independent spikes."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities
from spikelearn.seeding import generator_for


@ENCODERS.register("rate")
class BernoulliRate(Encoder):
    r"""Independent spikes with a probability per step equal to the intensity, $P(x[t] = 1) = p_{max}\,x$.

    Args:
        max_rate: $p_{max}$, spikes per step at intensity 1, in [0, 1].

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``max_rate`` or a pixel outside [0, 1].

    Source: standard; Heeger, "Poisson model of spike generation", 2000, for small p.
    """

    def __init__(self, max_rate: float = 1.0) -> None:
        check_fraction("max_rate", max_rate)
        self.max_rate = max_rate

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_intensities(pixels)
        spikes = torch.empty(n_steps, *pixels.shape, dtype=torch.uint8)
        rate = self.max_rate * pixels
        for place, index in enumerate(indices.tolist()):
            noise = torch.rand(n_steps, *pixels.shape[1:], generator=generator_for(*key, index))
            spikes[:, place] = noise < rate[place]
        return spikes
