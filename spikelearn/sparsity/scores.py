"""Scores of weights, by which pruning says which matter least."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.registry import Registry


class Score(ABC):
    """How much a weight counts: of its value alone, or of what a rule wished of it in the last batches.

    A subclass says what it keeps of a batch (``term``) and what the mean of that comes to (``value``). The gradients
    are those of the rule that trains, minus the change that it wishes: a loss's where it descends one.
    """

    name: ClassVar[str]
    #: Batches whose gradients count, the last ones before weights go; 0: none.
    batches: int = 0

    def term(self, weight: Tensor, grad: Tensor) -> Tensor:
        """What is averaged over the batches, of a weight and its gradient, both before the step."""
        return grad * weight

    def __repr__(self) -> str:
        return self.name

    @abstractmethod
    def value(self, weight: Tensor, mean: Tensor | None) -> Tensor:
        """The scores of the weights, 0 or more, by the ``mean`` of the terms; None where none are kept."""


SCORES = Registry("score", Score)


@SCORES.register("magnitude")
class Magnitude(Score):
    r"""The magnitude of a weight, $|w|$.

    Shapes: as the weights.

    Source: Han, Pool, Tran & Dally, NeurIPS 2015; of all layers together: Gupta et al., arXiv 2209.14624.
    """

    def value(self, weight: Tensor, mean: Tensor | None) -> Tensor:
        return weight.abs()


class GradientScore(Score):
    """A score of the gradients of some batches."""

    def __init__(self, batches: int) -> None:
        check_count("batches", batches)
        self.batches = batches

    def __repr__(self) -> str:
        return f"{self.name}:batches={self.batches}"


@SCORES.register("connection-sensitivity")
class ConnectionSensitivity(GradientScore):
    r"""SNIP: how the loss changes with a connection's presence c, at c = 1.

    $$s = \Bigl|\frac{\partial L}{\partial c}\Bigr| = |w\, g|, \qquad g = \frac{\partial L}{\partial w}$$

    $w\,g$ is averaged over the batches, and may be of either sign: where samples pull apart, s is small. Divided by the
    sum over all weights, as published, the order is the same. With ``start=0`` it is asked before anything is learned.

    Args:
        batches: how many are averaged; the first weights go after as many.

    Shapes: as the weights.

    Raises:
        ValueError: no batch.

    Source: Lee, Ajanthan & Torr, ICLR 2019, equations 3 to 5: one batch.
    """

    def __init__(self, batches: int = 1) -> None:
        super().__init__(batches)

    def value(self, weight: Tensor, mean: Tensor | None) -> Tensor:
        assert mean is not None
        return mean.abs()


@SCORES.register("gradient-times-weight")
class GradientTimesWeight(GradientScore):
    r"""The squared change of the loss, to first order, where a weight becomes 0.

    $$s = \frac1K \sum_{k=1}^K (g_k\, w)^2$$

    $g_k$ is the gradient of batch k. Squares are averaged: batches that pull apart do not cancel.

    Args:
        batches: K; the first weights go after as many.

    Shapes: as the weights.

    Raises:
        ValueError: no batch.

    Source: Molchanov, Mallya, Tyree, Frosio & Kautz, CVPR 2019, equation 8, of single weights in place of filters.
    """

    def __init__(self, batches: int = 10) -> None:
        super().__init__(batches)

    def term(self, weight: Tensor, grad: Tensor) -> Tensor:
        return (grad * weight).square()

    def value(self, weight: Tensor, mean: Tensor | None) -> Tensor:
        assert mean is not None
        return mean
