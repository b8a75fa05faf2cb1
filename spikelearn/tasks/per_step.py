"""A target for every step."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_all_finite, check_flag, check_order
from spikelearn.tasks.base import ACCURACY, MSE, TASKS, UNIQUE_ACCURACY, Measure, Tally, Task
from spikelearn.tasks.classify import check_targets, counted


@TASKS.register("per-step")
@dataclass(frozen=True)
class PerStep(Task):
    r"""A target for every step: a class number, or with ``values`` real numbers.

    The measure is the share of valid steps whose class has the highest score, or the mean squared error over all
    valid steps.

    Args:
        values: whether targets are real numbers; else class numbers. Dimensionless.

    Shapes: inputs [T, B, ...]; targets [T, B] of type int64, or with ``values`` [T, B, n] (or [T, B], for n = 1) of
    floating point; scores [T, B, classes] or [T, B, n].

    Raises:
        ValueError: targets of another form; batch first, which is named as such; scores without steps.

    Source: standard.
    """

    values: bool = False

    per_step = True

    def __post_init__(self) -> None:
        check_flag("values", self.values)

    @property
    def loss(self) -> str:
        return "mse-steps" if self.values else "cross-entropy-steps"

    @property
    def form(self) -> str:
        return "real numbers [T, B, n] of floating point" if self.values else "class numbers [T, B] of type int64"

    @property
    def of_all(self) -> str:
        return "of real numbers, floating point [N, T, n]" if self.values else "of class numbers, int64 [N, T]"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (MSE,) if self.values else (ACCURACY, UNIQUE_ACCURACY)

    def check_all(self, targets: Tensor) -> None:
        if not self._has_form(targets):
            raise ValueError(
                f"targets of the data set are {list(targets.shape)} {targets.dtype}, expected a tensor {self.of_all}"
            )
        check_all_finite("targets [N, T, n]", targets, "take the sample out, or mend it")

    def check(self, inputs: Tensor, targets: Tensor) -> None:
        if not self._has_form(targets):
            raise ValueError(f"targets have shape {list(targets.shape)} and type {targets.dtype}, expected {self.form}")
        steps, batch = targets.shape[:2]
        if inputs.shape[:2] == (batch, steps) and batch != steps:
            raise ValueError(
                f"targets have shape {list(targets.shape)} and inputs {list(inputs.shape)}: one of them is batch "
                "first, expected time first in both, [T, B, ...]: swap its axes with .transpose(0, 1)"
            )
        if len(inputs) != steps:
            raise ValueError(
                f"targets have {steps} steps and inputs {len(inputs)}, expected one target for every step, {self.form}"
            )
        check_order(inputs, batch)
        if self.values:
            check_all_finite("targets [T, B, n]", targets, "take the sample out, or mend it")
        elif int(targets.min()) < 0:
            raise ValueError(
                f"targets go down to {int(targets.min())}, expected class numbers, 0 or more: leave padded steps out "
                "with lengths or valid, whatever stands there"
            )

    def check_scores(self, scores: Tensor, targets: Tensor) -> None:
        if scores.ndim != 3 or scores.shape[:2] != targets.shape[:2]:
            steps, batch = targets.shape[:2]
            raise ValueError(
                f"scores have shape {list(scores.shape)}, expected [{steps}, {batch}, n], a row for every step: read "
                "the network with StepReadout(RateReadout()), or another readout inside"
            )
        if not self.values:
            check_targets(targets, scores.shape[2])
        elif scores.shape != self.wished(targets).shape:
            wished = list(self.wished(targets).shape)
            raise ValueError(
                f"scores have shape {list(scores.shape)}, expected {wished}: end the network in {wished[2]} neurons, "
                "one for each number of a target"
            )

    def wished(self, targets: Tensor) -> Tensor:
        """Targets as scores are shaped: [T, B] of real numbers as [T, B, 1]."""
        return targets.unsqueeze(2) if self.values and targets.ndim == 2 else targets

    def score(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> tuple[float, int]:
        said, wished = self._counted(scores.detach(), targets, valid)
        if self.values:
            return float((said - wished).square().mean(1).sum()), len(wished)
        return int((said.argmax(1) == wished).sum()), len(wished)

    def tally(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tally:
        if self.values:
            total, count = self.score(scores.double(), targets.double(), valid)
            return Tally({MSE.name: total}, count)
        return counted(*self._counted(scores, targets, valid))

    def outputs(self, classes: int, targets: Tensor, shape: tuple[int, ...]) -> int:
        if not self.values:
            return classes
        return targets.shape[2] if targets.ndim == 3 else 1

    def _has_form(self, targets: Tensor) -> bool:
        if self.values:
            return targets.is_floating_point() and targets.ndim in (2, 3)
        return targets.dtype == torch.int64 and targets.ndim == 2

    def _counted(self, scores: Tensor, targets: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scores and targets of the valid steps, one a row."""
        wished = self.wished(targets)
        if valid is None:
            return scores.flatten(0, 1), wished.flatten(0, 1)
        return scores[valid], wished[valid]
