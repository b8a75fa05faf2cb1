"""When learning was done: epochs to the plateau, and epochs, seconds and samples to a score."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from spikelearn.checks import check_positive

#: Epochs that are averaged.
WINDOW = 3

#: Largest distance from the plateau that counts as being there, of an accuracy (0.005: half a point).
TOLERANCE = 0.005

#: The same for a measure that is no share, in parts of where the curve ends.
RELATIVE_TOLERANCE = 0.02


class Plateau(NamedTuple):
    """The level of the plateau that a curve ends on, and the epoch that reached it.

    Args:
        level: mean score of the last three epochs; None where there are fewer.
        epochs: epochs to the plateau; None where there is none, with the reason.
        reason: why there is no plateau.
    """

    level: float | None
    epochs: int | None
    reason: str | None


class Reached(NamedTuple):
    """What it took until the score of one epoch was at least as good as ``target``.

    Args:
        target: a score, such as an accuracy from 0 to 1.
        epochs: epochs up to that one.
        seconds: time of training up to its end; None: not known.
        samples: samples presented up to its end; None: not known.
    """

    target: float
    epochs: int
    seconds: float | None
    samples: float | None


def plateau(scores: Sequence[float], tolerance: float = TOLERANCE) -> Plateau:
    r"""The plateau of a curve of scores, one an epoch.

    $$m_e = \tfrac13 (a_{e-2} + a_{e-1} + a_e), \qquad
      \mathrm{epochs} = \min\{e \ge 3 : |m_k - m_N| \le \mathrm{tolerance} \text{ for all } k \ge e\}$$

    with N the last epoch. The first mean is that of epochs 1 to 3, so no curve is found flat before epoch 3. A curve
    is still rising, or falling, and has no plateau, where m_N is further than ``tolerance`` from the mean of up to
    three epochs before the last three.

    Args:
        scores: of epochs 1 to N, such as accuracies from 0 to 1.
        tolerance: in their unit.

    Raises:
        ValueError: a tolerance that is not positive.

    Source: the definition is this project's; three epochs and half a point are its choice.
    """
    check_positive("tolerance", tolerance)
    values = list(scores)
    if len(values) <= WINDOW:
        short = f"{len(values)} {'epoch' if len(values) == 1 else 'epochs'}: too few to tell a plateau from a rise"
        reason = short if values else "no accuracy was measured during training"
        return Plateau(sum(values) / WINDOW if len(values) == WINDOW else None, None, reason)
    means = [sum(values[end - WINDOW : end]) / WINDOW for end in range(WINDOW, len(values) + 1)]
    last, before = means[-1], values[-2 * WINDOW : -WINDOW]
    change = last - sum(before) / len(before)
    # Half a point exactly is within the tolerance, whatever rounding says.
    reach = tolerance * (1 + 1e-9)
    if abs(change) > reach:
        return Plateau(last, None, "still rising" if change > 0 else "still falling")
    away = [at for at, mean in enumerate(means) if abs(mean - last) > reach]
    return Plateau(last, WINDOW + (away[-1] + 1 if away else 0), None)


def reached(
    scores: Sequence[float],
    target: float,
    seconds: Sequence[float | None] = (),
    samples: Sequence[float | None] = (),
    *,
    higher: bool = True,
) -> Reached | None:
    """What the first epoch took whose score is at least ``target``; None where no epoch's is.

    Args:
        scores: of epochs 1 to N.
        target: a score.
        seconds, samples: of each epoch by itself; shorter, or with None among them: not known from there on.
        higher: whether more is better; else an epoch counts that is at most ``target``.
    """
    for at, score in enumerate(scores):
        if score >= target if higher else score <= target:
            return Reached(target, at + 1, _total(seconds, at + 1), _total(samples, at + 1))
    return None


def summed(parts: Sequence[float | None]) -> list[float | None]:
    """Sums up to each place; None from the first None on."""
    known = next((at for at, part in enumerate(parts) if part is None), len(parts))
    sums = accumulate(part for part in parts[:known] if part is not None)
    return [*sums, *[None] * (len(parts) - known)]


def _total(parts: Sequence[float | None], count: int) -> float | None:
    return summed(parts[:count])[-1] if len(parts) >= count else None
