"""Sine waves, each class by its own frequency."""

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.plasticity.three_factor.bases.base import BASES, Basis


@BASES.register("cosine")
class CosineBasis(Basis):
    r"""Sine waves along the vector, $B_{cj} = \sin(f_c\, j)$ with j = 0, 1, ...

    The frequencies of C classes lie evenly from ``lowest`` to ``highest``, $f_c$ = linspace(lowest, highest, C): every
    vector changes with the number of classes. The first entry of all vectors is 0.

    Args:
        lowest, highest: frequencies of the first and the last class, radians per entry.

    Shapes: B [C, length].

    Raises:
        ValueError: a frequency that is not finite.

    Source: Apolinario, Roy & Roy, WACV 2025, the authors' program, whose name for the sine is cosine. deviation: the
    program rounds f j to single precision before it takes the sine.
    """

    def __init__(self, lowest: float = 50.0, highest: float = 512.0) -> None:
        check_finite("lowest", lowest)
        check_finite("highest", highest)
        self.lowest, self.highest = lowest, highest

    def vectors(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        frequencies = torch.linspace(self.lowest, self.highest, count, dtype=torch.float64)
        return torch.outer(frequencies, torch.arange(length, dtype=torch.float64)).sin()
