"""Paired timing: all candidates in turn, in one process, compared round by round."""

import gc
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

#: Quantiles that are reported beside the median.
LOW, HIGH = 0.1, 0.9
#: Rounds in front of the measured ones: what is loaded, compiled or allocated once.
WARM_UP = 2


class Timed(Protocol):
    """What can be timed."""

    def prepare(self) -> None: ...

    def step(self) -> float | None:
        """One step; its own account of the milliseconds it took, where the clock is not here."""


class Paired(NamedTuple):
    """Other / one, of the same rounds: median and quantiles, and both medians in milliseconds."""

    median: float
    low: float
    high: float
    one_ms: float
    other_ms: float


def interleaved(candidates: Mapping[str, Timed], rounds: int, warm_up: int = WARM_UP) -> dict[str, list[float]]:
    """Milliseconds of every candidate in every round.

    In each round every candidate takes two steps, of which the second is counted: in a training loop the step before
    was its own, and left caches and allocator as it does, not as another library does. The candidate that begins moves
    on by one from round to round.

    Raises:
        ValueError: fewer than one round, or nothing to time.
    """
    if rounds < 1 or not candidates:
        raise ValueError(f"{rounds} rounds of {len(candidates)} candidates, expected at least one of both")
    names = list(candidates)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        first = number % len(names)
        with _collected():
            for name in names[first:] + names[:first]:
                _timed(candidates[name])
                milliseconds = _timed(candidates[name])
                if number >= 0:
                    found[name].append(milliseconds)
    return found


@contextmanager
def _collected() -> Iterator[None]:
    """Garbage is collected now, and not inside."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _timed(candidate: Timed) -> float:
    candidate.prepare()
    started = time.perf_counter()
    own = candidate.step()
    took = 1e3 * (time.perf_counter() - started)
    return took if own is None else own


def paired(one: Sequence[float], other: Sequence[float]) -> Paired:
    """How many times longer ``other`` takes than ``one``, by the ratios of each round.

    Raises:
        ValueError: not the same number of rounds, or none.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"{len(one)} rounds of one and {len(other)} of the other, expected as many, and at least one")
    ratios = sorted(b / a for a, b in zip(one, other, strict=True))
    return Paired(
        statistics.median(ratios),
        quantile(ratios, LOW),
        quantile(ratios, HIGH),
        statistics.median(one),
        statistics.median(other),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ascending values lie, linear between neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
