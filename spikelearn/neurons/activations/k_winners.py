"""Hard competition among all units of a layer."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag
from spikelearn.neurons.activations.base import ACTIVATIONS, Layerwise
from spikelearn.neurons.parts.winners import k_largest


@ACTIVATIONS.register("k-winners")
class KWinners(Layerwise):
    r"""The k largest currents of a layer, where they are positive; all other units are silent.

    $\phi(a)_i = a_i$ where $a_i > 0$ is one of the k largest, else 0; 1 in place of $a_i$ unless ``graded``, whose
    slope is 0. In an image the maps compete at every place by itself; all that equal the last winner win.

    Args:
        count: k, number of units.
        graded: whether a winner sends its current, or 1.

    Shapes: current a and output [B, n, ...], dimensionless.

    Raises:
        ValueError: no winner.

    Source: Makhzani & Frey, ICLR 2014 (k-sparse); as competition of Hebbian maps: Miconi, arXiv 2107.01729, 2021.
    """

    def __init__(self, count: int = 1, *, graded: bool = True) -> None:
        check_count("count", count)
        check_flag("graded", graded)
        self.count, self.graded = count, graded

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        wins = self._wins(current)
        return current.where(wins, 0.0) if self.graded else wins.to(current.dtype) + 0.0 * current

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        return error.where(self._wins(current), 0.0) if self.graded else torch.zeros_like(error)

    def _wins(self, current: Tensor) -> Tensor:
        return k_largest(current, self.count) & (current > 0)
