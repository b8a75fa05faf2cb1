"""Findings, and how their numbers are said."""

from collections.abc import Sequence
from dataclasses import dataclass

from spikelearn.compare.statistics import Mean


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
    """The names, or "all 8 other arms" where they are as many as there are and more than two."""
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


def spread(mean: Mean) -> str:
    """A mean accuracy with its interval and the number of seeds."""
    if mean.mean is None:
        return "not known"
    if mean.interval is None or mean.n < 2:
        return f"{mean.mean:.2f} % ({mean.n} seed, no interval)"
    low, high = mean.interval
    return f"{mean.mean:.2f} % ({max(low, 0.0):.2f} to {min(high, 100.0):.2f}, {mean.n} seeds)"


def seeds_named(seeds: Sequence[int]) -> str:
    """The words "seed 3", or "seeds 1 and 3"."""
    return f"seed{'s' if len(seeds) > 1 else ''} {joined([str(seed) for seed in seeds])}"
