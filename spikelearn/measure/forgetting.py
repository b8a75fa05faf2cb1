"""What is kept of earlier tasks when tasks are learned one after the other."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from spikelearn.checks import check_count


class Forgetting(NamedTuple):
    """Measures of a training on one task after the other.

    Args:
        average_accuracy: mean over all tasks at the end, in 0..1.
        forgetting: best accuracy before the last phase less that at the end, mean over all tasks but the last.
        backward_transfer: accuracy at the end less that right after a task's own phase, mean over the same.
    """

    average_accuracy: float
    forgetting: float
    backward_transfer: float


class ForgottenErrors(NamedTuple):
    """The same where tasks are measured by an error, the smaller the better.

    Args:
        average_error: mean over all tasks at the end.
        right_after: error of a task right after its own phase, mean over all.
        forgetting: error at the end less that right after a task's own phase, mean over all tasks but the last.
    """

    average_error: float
    right_after: float
    forgetting: float


def forgotten_errors(errors: Sequence[Sequence[float]]) -> ForgottenErrors:
    r"""The measures of errors $e_{k,j}$ on task j after phase k, in which task k is learned.

    $$F = \frac{1}{N-1} \sum_{j<N} (e_{N,j} - e_{j,j})$$

    which has the opposite sign of the backward transfer of accuracies.

    Args:
        errors: row k after phase k, column j of task j; N rows of N numbers, unit of the error.

    Raises:
        ValueError: fewer than two tasks, or no square.

    Source: as ``forgetting``.
    """
    _check_square(errors)
    last, own = errors[-1], [row[task] for task, row in enumerate(errors)]
    lost = fmean(after - before for after, before in zip(last[:-1], own[:-1], strict=True))
    return ForgottenErrors(fmean(last), fmean(own), lost)


def forgetting(accuracies: Sequence[Sequence[float]]) -> Forgetting:
    r"""The measures of accuracies $a_{k,j}$ on task j after phase k, in which task k is learned.

    $$A = \frac1N \sum_j a_{N,j}, \qquad F = \frac{1}{N-1} \sum_{j<N} \Big(\max_{k<N} a_{k,j} - a_{N,j}\Big), \qquad
      B = \frac{1}{N-1} \sum_{j<N} (a_{N,j} - a_{j,j})$$

    Args:
        accuracies: row k after phase k, column j of task j; N rows of N numbers in 0..1.

    Raises:
        ValueError: fewer than two tasks, or no square.

    Source: average accuracy and forgetting: Chaudhry, Dokania, Ajanthan & Torr, ECCV 2018, eq. 3; backward transfer:
    Lopez-Paz & Ranzato, NeurIPS 2017, eq. 3.
    """
    _check_square(accuracies)
    last, earlier = accuracies[-1], range(len(accuracies) - 1)
    best = [max(row[j] for row in accuracies[:-1]) for j in earlier]
    return Forgetting(
        fmean(last),
        fmean(best[j] - last[j] for j in earlier),
        fmean(last[j] - accuracies[j][j] for j in earlier),
    )


def _check_square(values: Sequence[Sequence[float]]) -> None:
    count = len(values)
    check_count("tasks", count, 2)
    if any(len(row) != count for row in values):
        raise ValueError(
            f"measures have rows of {[len(row) for row in values]} tasks behind {count} phases, expected one phase a "
            "task: measure every task after every phase"
        )
