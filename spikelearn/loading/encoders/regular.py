"""Rate code without noise: spikes as evenly spaced as whole steps allow."""

from fractions import Fraction

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities


@ENCODERS.register("regular")
class RegularRate(Encoder):
    r"""Evenly spaced spikes at a rate equal to the intensity, counted in whole numbers.

    What an integrate-and-fire neuron without leak does with the current x and a subtractive reset, in exact arithmetic:
    with the intensity as a whole number $k = \lfloor n x + 1/2 \rfloor$, n levels and the threshold $\vartheta$,

    $$u[t] = u[t{-}1] + k - n\vartheta\,s[t{-}1], \qquad s[t] = 1 \text{ iff } u[t] \ge n\vartheta.$$

    In T steps there are $\lfloor k T/(n\vartheta) \rfloor$ spikes; intensities of $\vartheta$ and more spike at every
    step.

    Args:
        levels: n, the whole number that intensity 1 stands for; dimensionless, 255 for images of one byte a pixel.
        threshold: $\vartheta$, unit of intensity; that of the network's neurons in the program below.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``levels`` below 1; a threshold not positive; a pixel outside [0, 1].

    Source: input layer of the program of Gerlinghoff, Luo, Goh & Wong, arXiv 2211.05412, 2022. deviation: that program
    adds up floating-point intensities, which moves or drops a spike for a few of the 256 levels; here they are whole
    numbers.
    """

    def __init__(self, levels: int = 255, threshold: float = 1.0) -> None:
        check_count("levels", levels)
        check_positive("threshold", threshold)
        self.levels, self.threshold = levels, threshold
        # As written in decimals, and such that sums stay whole numbers of 64 bits.
        ratio = max(Fraction(str(threshold)).limit_denominator(10**6), Fraction(1, 10**6))
        self._unit, self._full = ratio.denominator, min(levels * ratio.numerator, 2**62)

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        level = self._unit * (self.levels * pixels.double() + 0.5).long()
        spikes = torch.empty(n_steps, *pixels.shape, dtype=torch.uint8)
        charge = torch.zeros_like(level)
        for now in spikes.unbind(0):
            charge += level
            full = charge >= self._full
            charge -= self._full * full
            now.copy_(full)
        return spikes
