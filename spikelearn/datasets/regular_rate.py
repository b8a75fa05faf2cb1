"""Rate code without noise: spikes as evenly spaced as whole steps allow."""

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.datasets.encoders import ENCODERS, Encoder, NoiseKey


@ENCODERS.register("regular")
class RegularRate(Encoder):
    r"""Evenly spaced spikes at a rate equal to the intensity, counted in whole numbers.

    With the intensity as a whole number $k = \mathrm{round}(\mathrm{levels}\cdot x)$ there is a spike at step t where
    $\lfloor k(t+1)/\mathrm{levels} \rfloor > \lfloor k t/\mathrm{levels} \rfloor$: what an integrate-and-fire neuron
    without leak does with the current x, the threshold 1 and a subtractive reset, in exact arithmetic. In T steps there
    are $\lfloor k T/\mathrm{levels} \rfloor$ spikes; intensity 1 spikes at every step.

    Args:
        levels: the whole number that intensity 1 stands for; dimensionless, 255 for images of one byte a pixel.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``levels`` below 1; a pixel outside [0, 1].

    Source: input layer of the program of Gerlinghoff, Luo, Goh & Wong, arXiv 2211.05412, 2022. deviation: that program
    adds up floating-point intensities, which moves or drops a spike for a few of the 256 levels; here they are whole
    numbers.
    """

    def __init__(self, levels: int = 255) -> None:
        check_count("levels", levels)
        self.levels = levels

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        level = (self.levels * pixels).round().long()
        lowest, highest = int(level.min()), int(level.max())
        if lowest < 0 or highest > self.levels:
            raise ValueError(
                f"pixels go from {float(pixels.min()):g} to {float(pixels.max()):g}, expected intensities in [0, 1]: "
                "scale the images"
            )
        spikes = torch.empty(n_steps, *pixels.shape, dtype=torch.uint8)
        charge = torch.zeros_like(level)
        for now in spikes.unbind(0):
            charge += level
            full = charge >= self.levels
            charge -= self.levels * full
            now.copy_(full)
        return spikes
