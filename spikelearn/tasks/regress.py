"""A vector of real numbers a sample."""

from dataclasses import dataclass

from torch import Tensor

from spikelearn.checks import check_all_finite, check_order
from spikelearn.tasks.base import MSE, TASKS, Measure, Tally, Task


@TASKS.register("regress")
@dataclass(frozen=True)
class Regress(Task):
    r"""A vector of real numbers a sample; the measure is the mean squared error, $\frac1n\sum_i (s_i - y_i)^2$.

    Shapes: inputs [T, B, ...], targets y [B, n] of floating point, scores s [B, n] (in the unit of the targets).

    Raises:
        ValueError: targets that are no finite numbers [B, n]; inputs in another order; scores of another shape.

    Source: standard.
    """

    loss = "mse"
    form = "real numbers [B, n] of floating point"
    of_all = "of real numbers, floating point [N, n]"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (MSE,)

    def check_all(self, targets: Tensor) -> None:
        if targets.ndim != 2 or not targets.is_floating_point():
            raise ValueError(
                f"targets of the data set are {list(targets.shape)} {targets.dtype}, expected a tensor {self.of_all}"
            )
        check_all_finite("targets [N, n]", targets, "take the sample out, or mend it")

    def check(self, inputs: Tensor, targets: Tensor) -> None:
        if targets.ndim != 2 or not targets.is_floating_point():
            cure = ": one value a sample is [B, 1]" if targets.ndim == 1 else ""
            raise ValueError(
                f"targets have shape {list(targets.shape)} and type {targets.dtype}, expected {self.form}{cure}"
            )
        check_order(inputs, len(targets))
        check_all_finite("targets [B, n]", targets, "take the sample out, or mend it")

    def check_scores(self, scores: Tensor, targets: Tensor) -> None:
        if scores.shape != targets.shape:
            raise ValueError(
                f"scores have shape {list(scores.shape)}, expected {list(targets.shape)}: end the network in "
                f"{targets.shape[1]} neurons, one for each number of a target"
            )

    def score(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> tuple[float, int]:
        return float((scores.detach() - targets).square().mean(1).sum()), len(targets)

    def tally(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tally:
        total, count = self.score(scores.double(), targets.double())
        return Tally({MSE.name: total}, count)

    def outputs(self, classes: int, targets: Tensor, shape: tuple[int, ...]) -> int:
        return targets.shape[1]
