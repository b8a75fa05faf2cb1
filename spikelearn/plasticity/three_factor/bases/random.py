"""Random vectors."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.plasticity.three_factor.bases.base import BASES, Basis


@BASES.register("random")
class RandomBasis(Basis):
    r"""Normal numbers drawn once, $B_{cj} \sim N(0, k^2)$: what the waves are compared with.

    Args:
        scale: k, dimensionless.

    Shapes: B [C, length].

    Raises:
        ValueError: a scale that is not positive.

    Source: Apolinario, Roy & Roy, WACV 2025, the authors' program (k = 0.1).
    """

    def __init__(self, scale: float = 0.1) -> None:
        check_positive("scale", scale)
        self.scale = scale

    def vectors(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        drawn = torch.randn(count, length, generator=generator, dtype=torch.float64, device=generator.device)
        return self.scale * drawn
