"""Findings, and how their numbers are said."""

from collections.abc import Sequence
from dataclasses import dataclass

from spikelearn.bench.analyse.statistics import Mean
from spikelearn.tasks import ACCURACY, Measure


@dataclass(frozen=True)
class Finding:
    """A sentence that follows from the statistics.

    Args:
        kind: what it is about, for example "best", "worse", "efficiency", "axis", or "warning".
        text: the sentence.
        where: data set and network it holds for; empty: the whole comparison.
    """

    kind: str
    text: str
    where: str = ""


def joined(words: Sequence[str]) -> str:
    """Words joined by commas, the last by "and"; by semicolons where they hold commas."""
    if len(words) < 2:
        return "".join(words)
    if any("," in word for word in words):
        return "; ".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def all_or(names: Sequence[str], of: int, one: str = "other arm") -> str:
    """List the names, or say "all 8 other arms" where the list is complete and longer than two."""
    return f"all {of} {one}s" if len(names) == of > 2 else joined(names)


def signed(value: float) -> str:
    """Two digits after the point, with a sign; that of negative numbers is a minus, not a hyphen."""
    return f"{value:+.2f}".replace("-", "−")


def p_value(value: float) -> str:
    """A p value to two or three digits after the point, or the bound below which it lies."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_is(value: float, sign: str = "=") -> str:
    """The words "p = 0.042", or "p < 0.001"."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p {sign} {text}"


def spread(
    mean: Mean,
    samples: int | None = None,
    of_samples: tuple[float, float] | None = None,
    measure: Measure = ACCURACY,
) -> str:
    """A mean with its interval and the number of seeds; without spread, with what the test samples tell.

    Args:
        mean: in the unit in which ``measure`` is shown, percent for an accuracy, over seeds.
        samples: how many test samples there are.
        of_samples: what that many leave open, percent.
        measure: what it is a mean of.
    """
    if mean.mean is None:
        return "not known"
    if mean.seen is not None:
        low, high = (measure.told(end).removesuffix(" %") for end in mean.seen)
        return f"{measure.told(mean.mean)} ({low} to {high}, {mean.n} seeds)"
    seeds = "1 seed" if mean.n == 1 else f"{mean.n} equal seeds"
    of_test = ""
    if samples is not None and of_samples is not None:
        of_test = f"; {samples:,} test samples alone leave {of_samples[0]:.2f} to {of_samples[1]:.2f} % open"
    return f"{measure.told(mean.mean)} ({seeds}, no interval{of_test})"


def seeds_named(seeds: Sequence[int]) -> str:
    """The words "seed 3", or "seeds 1 and 3"."""
    return f"seed{'s' if len(seeds) > 1 else ''} {joined([str(seed) for seed in seeds])}"
