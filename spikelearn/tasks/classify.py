"""One class number a sample."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_order
from spikelearn.tasks.base import ACCURACY, TASKS, UNIQUE_ACCURACY, Measure, Tally, Task
from spikelearn.tasks.counts import confused, correct, correct_unique


@TASKS.register("classify")
@dataclass(frozen=True)
class Classify(Task):
    """One class number a sample; the measure is accuracy: the share of samples whose class has the highest score.

    Shapes: inputs [T, B, ...], targets [B] of type int64, scores [B, classes] (dimensionless).

    Raises:
        ValueError: targets that are no class numbers, one a sample; inputs in another order.

    Source: standard.
    """

    loss = "cross-entropy-rate"
    form = "class numbers [B] of type int64"
    of_all = "of class numbers, int64 [N]"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return ACCURACY, UNIQUE_ACCURACY

    def check_all(self, targets: Tensor) -> None:
        if targets.dtype != torch.int64 or targets.ndim != 1:
            raise ValueError(
                f"targets of the data set are {list(targets.shape)} {targets.dtype}, expected a tensor {self.of_all}"
            )

    def check(self, inputs: Tensor, targets: Tensor) -> None:
        if targets.ndim != 1 or targets.dtype != torch.int64:
            raise ValueError(
                f"targets have shape {list(targets.shape)} and type {targets.dtype}, expected {self.form}"
                f"{_cure(targets)}"
            )
        check_order(inputs, len(targets))
        if int(targets.min()) < 0:
            raise ValueError(f"targets go down to {int(targets.min())}, expected class numbers, 0 or more")

    def check_scores(self, scores: Tensor, targets: Tensor) -> None:
        if scores.ndim != 2 or len(scores) != len(targets):
            raise ValueError(
                f"scores have shape {list(scores.shape)}, expected [{len(targets)}, classes]: end the network in one "
                "neuron a class"
            )
        check_targets(targets, scores.shape[1])

    def score(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> tuple[float, int]:
        return correct(scores, targets), len(targets)

    def tally(self, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tally:
        return counted(scores, targets)


def counted(scores: Tensor, targets: Tensor) -> Tally:
    """Right answers of scores [n, classes] for class numbers [n]."""
    counts = confused(scores, targets)
    sums = {ACCURACY.name: int(counts.trace()), UNIQUE_ACCURACY.name: correct_unique(scores, targets)}
    return Tally(sums, len(targets), counts)


def check_targets(targets: Tensor, classes: int) -> None:
    """Raise ValueError where a class number is not one of ``classes`` outputs."""
    if int(targets.min()) < 0 or int(targets.max()) >= classes:
        raise ValueError(
            f"targets go from {int(targets.min())} to {int(targets.max())}, but the network has {classes} outputs: end "
            "it in one neuron a class"
        )


def _cure(targets: Tensor) -> str:
    """Advice on targets that are no class numbers [B]."""
    if targets.ndim == 1:
        return ": convert them with .long(); one real value a sample is [B, 1], with task=Regress()"
    if targets.is_floating_point():
        return (
            ": one-hot rows become numbers with .argmax(1); real targets need task=Regress() for [B, n], "
            "task=PerStep(values=True) for [T, B, n]"
        )
    return ": a class number for every step [T, B] needs task=PerStep()"


#: The task of every data set that declares no other.
CLASSIFY = Classify()
