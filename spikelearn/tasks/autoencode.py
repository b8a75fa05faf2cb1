"""The input itself as the target."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spikelearn.tasks.base import TASKS
from spikelearn.tasks.regress import Regress


@TASKS.register("autoencode")
@dataclass(frozen=True)
class Autoencode(Regress):
    r"""The input itself, as one vector a sample; the measure is the mean squared error over its n entries.

    A still sample's target are its pixels as they are before noise and encoder; that of a sequence or a recording is
    its mean over time, spikes per step, before noise. So any data set will do, and its own targets are not looked at.

    Shapes: inputs [T, B, ...] of n entries a step, targets [B, n], scores [B, n] (unit of the inputs).

    Raises:
        ValueError: as ``regress``.

    Source: Rumelhart, Hinton & Williams, Parallel Distributed Processing 1, 1986 (encoder problem).
    """

    of_input: ClassVar[bool] = True

    def outputs(self, classes: int, targets: Tensor, shape: tuple[int, ...]) -> int:
        return math.prod(shape)
