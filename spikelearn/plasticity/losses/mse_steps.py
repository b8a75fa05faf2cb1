"""Mean squared error at every step."""

from torch import Tensor

from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.steps import StepLoss


@LOSSES.register("mse-steps")
class MSESteps(StepLoss):
    r"""Mean squared error at every step, $l[t] = \frac1n\sum_i (s_i[t] - y_i[t])^2$, mean over a sample's valid steps.

    Args:
        last: whether the last valid step of each sample alone counts.

    Shapes: scores s [T, B, n], targets y [T, B, n] or [T, B] (the unit of the targets).

    Raises:
        ValueError: a readout that gives one row of scores a sample; targets that are no real numbers for every step.

    Source: standard.
    """

    def __init__(self, last: bool = False) -> None:
        self._set_last(last)

    def each(self, scores: Tensor, targets: Tensor) -> Tensor:
        if targets.ndim < scores.ndim:
            targets = targets.unsqueeze(2)
        return (scores - targets).square().mean(2)
