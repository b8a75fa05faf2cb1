"""Half the squared distance of the readout's scores from a target."""

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, Loss


@LOSSES.register("squared-error")
class SquaredError(Loss):
    r"""Half the squared distance of the readout's scores, $L = \frac12\sum_c (s_c - y_c)^2$, mean over the batch.

    Of classes, $y_c$ is ``correct`` for the true one and ``incorrect`` for the others.

    Args:
        correct, incorrect: wanted scores, in their unit.

    Shapes: scores s [B, n]; targets [B] of classes, or y [B, n].

    Raises:
        ValueError: a wanted score that is not finite, or the same for both.

    Source: standard; the cost of equilibrium propagation, Scellier & Bengio, Frontiers in Computational Neuroscience
    11, 2017, and the output's energy of predictive coding.
    """

    tasks = frozenset({"classify", "regress", "autoencode"})

    def __init__(self, correct: float = 1.0, incorrect: float = 0.0) -> None:
        check_finite("correct", correct)
        check_finite("incorrect", incorrect)
        if correct == incorrect:
            raise ValueError(f"correct and incorrect are both {correct}, expected two numbers")
        self.correct, self.incorrect = correct, incorrect

    def wanted(self, scores: Tensor, targets: Tensor) -> Tensor:
        """The scores y that are wanted, shaped like ``scores`` [B, n]."""
        if targets.is_floating_point():
            return targets.to(scores)
        wanted = torch.full_like(scores, self.incorrect, requires_grad=False)
        return wanted.scatter_(1, targets.unsqueeze(1), self.correct)

    def error(self, scores: Tensor, targets: Tensor) -> Tensor:
        return scores - self.wanted(scores, targets)

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        return 0.5 * (scores - self.wanted(scores, targets)).square().sum() / len(scores)
