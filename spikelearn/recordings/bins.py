"""The bins in which the events of a recording lie, in whole numbers."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from spikelearn.checks import check_count, check_positive
from spikelearn.recordings.events import Column


class Placed(NamedTuple):
    """Which events lie in which bins: ``bins`` [M] (int64; T: in none) of the events ``of`` [M].

    ``of`` is None where every event has one bin, in their order. ``shares`` [M] are the parts of events; None: all 1.
    """

    bins: Column
    of: Column | None = None
    shares: Column | None = None


def dividing(t: Column, n_steps: int) -> Column:
    """Bin of every event where T bins divide the time from the first event to the last, int64 [N]."""
    check_count("n_steps", n_steps)
    duration = t[-1] - t[0] if len(t) else 0
    if duration < n_steps:
        raise ValueError(
            f"a recording of {len(t)} events spans {duration} microseconds, expected at least one for each of "
            f"{n_steps} steps: lower the number of steps, multiply times in seconds by a million, or restore the "
            "recording if it is damaged"
        )
    return divided(t - t[0], n_steps, int(duration) + 1 if t.dtype.kind != "f" else duration + 1.0)


def divided(since: Column, n_steps: int, length: float) -> Column:
    r"""Bin $\lfloor \tau T/L \rfloor$ of what lies at $\tau$ in [0, L), int64 [N]."""
    if since.dtype.kind == "f":
        return np.minimum(since * n_steps // length, n_steps - 1).astype(np.int64)
    if int(length) * n_steps >= 2**63:
        return (since.astype(object) * n_steps // int(length)).astype(np.int64)
    return since * n_steps // int(length)


def of_width(t: Column, n_steps: int, width: float, start: float | None = None) -> Column:
    """Bin of every event, bins being ``width`` seconds wide, int64 [N]; T for what lies outside the T bins."""
    check_count("n_steps", n_steps)
    microseconds = in_microseconds("bin_width", width)
    if len(t) == 0:
        return np.zeros(0, np.int64)
    since = t - (t[0] if start is None else start)
    if since.dtype.kind == "i" and microseconds.is_integer():
        bins = (since - 1) // min(int(microseconds), 2**62)
    else:
        bins = np.ceil(since / microseconds) - 1
    return np.where(since < 0, n_steps, np.clip(bins, 0, n_steps)).astype(np.int64)


def in_microseconds(name: str, seconds: float) -> float:
    """Seconds as microseconds; so many of them must not fall short by a rounding."""
    check_positive(name, seconds, "s")
    microseconds = round(seconds * 1e6, 6)
    if microseconds == 0.0:
        raise ValueError(f"{name} is {seconds!r} s, expected a picosecond at least")
    return microseconds


def overlapping(
    since: Column, n_steps: int, width: Fraction, stride: Fraction, *, ends_inside: bool = False
) -> tuple[Column, Column]:
    r"""All bins in which events lie, bin k being $[k s, k s + w)$: the events, and a bin of each, int64 [M].

    Args:
        since: times since the first bin's beginning, or numbers of events.
        n_steps: number of bins T.
        width: w.
        stride: s, at most w.
        ends_inside: whether a bin is $(k s, k s + w]$ instead, the first one from 0 on.
    """
    if since.dtype.kind == "f":
        first, last = since / float(stride), (since - float(width)) / float(stride)
        high = np.ceil(first) - 1 if ends_inside else np.floor(first)
        low = np.ceil(last) if ends_inside else np.floor(last) + 1
    else:
        # Common denominators make whole numbers of all; Python's own where 64 bits do not hold them.
        common = math.lcm(width.denominator, stride.denominator)
        w, s = int(width * common), int(stride * common)
        most = (int(np.abs(since).max()) if len(since) else 0) * common + w + s
        scaled = (since.astype(object) if most >= 2**62 else since) * common
        high = -((-scaled) // s) - 1 if ends_inside else scaled // s
        low = -((w - scaled) // s) if ends_inside else (scaled - w) // s + 1
    if ends_inside:
        high = np.maximum(high, 0)
    high = np.minimum(high, n_steps - 1).astype(np.int64)
    low = np.clip(low, 0, n_steps).astype(np.int64)
    counts = np.where(since < 0, 0, np.maximum(high - low + 1, 0))
    of = np.repeat(np.arange(len(since)), counts)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    return of, np.repeat(low, counts) + nth


def shared_by_two(place: Column, n_steps: int) -> Placed:
    r"""Events at ``place``, unit of bins: a share $\max(0, 1 - |k - place|)$ in bin k of the T bins."""
    n_events = len(place)
    below = np.floor(place).astype(np.int64)
    right = place - below
    bins, shares = np.concatenate([below, below + 1]), np.concatenate([1.0 - right, right])
    of = np.tile(np.arange(n_events), 2)
    told = (shares > 0) & (bins >= 0) & (bins < n_steps)
    return Placed(bins[told], of[told], shares[told])
