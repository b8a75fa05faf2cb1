"""Square waves, each class by its own frequency."""

import torch
from torch import Tensor

from spikelearn.plasticity.three_factor.bases.base import BASES
from spikelearn.plasticity.three_factor.bases.cosine import CosineBasis


@BASES.register("square")
class SquareBasis(CosineBasis):
    r"""The signs of sine waves, $B_{cj} = \mathrm{sign}\,\sin(f_c\, j)$, with frequencies as in ``cosine``.

    Products with them are additions. The first entry of all vectors is 0.

    Args:
        lowest, highest: frequencies of the first and the last class, radians per entry.

    Shapes: B [C, length].

    Raises:
        ValueError: a frequency that is not finite.

    Source: Apolinario, Roy & Roy, WACV 2025, the authors' program. deviation: as ``cosine``; a few signs differ.
    """

    def vectors(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        return super().vectors(count, length, generator).sign()
