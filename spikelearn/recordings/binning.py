"""Recordings of events as time bins, 0 or 1 per pixel and polarity, in whole numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.recordings.events import Column, RecordedEvents, as_events


def bin_events(events: Any, sensor_size: tuple[int, int, int], n_steps: int) -> Tensor:
    r"""Bins that divide a recording's own duration, 0 or 1 per pixel and polarity: uint8 [T, P, H, W].

    The event at t lies in bin $\lfloor (t - t_0)\,T / (t_1 - t_0 + 1) \rfloor$, with the first and the last time $t_0$
    and $t_1$ in microseconds. No event is left out; several of one pixel, polarity and bin count once.

    Args:
        events: a recording; ``as_events`` says what it may be.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: number of bins T.

    Raises:
        ValueError: events that ``as_events`` refuses; a recording shorter than ``n_steps`` microseconds.

    Source: ``ToFrame(n_time_bins=T)`` of tonic. deviation: tonic rounds the width of a bin down to whole microseconds
    and leaves out what comes after the last bin; it takes the polarity -1 for 1; its counts overflow at 32,768.
    """
    recording = as_events(events, sensor_size)
    return frames_of(recording, dividing(recording.t, n_steps), sensor_size, n_steps)


def bin_by_width(
    events: Any, sensor_size: tuple[int, int, int], n_steps: int, width: float, start: float | None = None
) -> Tensor:
    """Bins of one width from a recording's start on, 0 or 1 per pixel and polarity: uint8 [T, P, H, W].

    An event at a bin's end belongs to it: bin k holds the times in (k width, (k + 1) width] after the start, the first
    bin the start as well. Events that come later than the last bin are left out.

    Args:
        events: a recording; ``as_events`` says what it may be.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: number of bins T.
        width: width of a bin, seconds.
        start: time at which the first bin begins, microseconds; None: that of the first event.

    Raises:
        ValueError: events that ``as_events`` refuses; a width that is not positive.
    """
    recording = as_events(events, sensor_size)
    return frames_of(recording, of_width(recording.t, n_steps, width, start), sensor_size, n_steps)


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
    since = t - t[0]
    if t.dtype.kind == "f":
        return np.minimum(since * n_steps // (duration + 1.0), n_steps - 1).astype(np.int64)
    if int(duration) * n_steps >= 2**63:
        return (since.astype(object) * n_steps // (int(duration) + 1)).astype(np.int64)
    return since * n_steps // (int(duration) + 1)


def of_width(t: Column, n_steps: int, width: float, start: float | None = None) -> Column:
    """Bin of every event, bins being ``width`` seconds wide, int64 [N]; T for what lies outside the T bins."""
    check_count("n_steps", n_steps)
    check_positive("bin_width", width, "s")
    # A width of so many microseconds must not fall short of them by a rounding.
    microseconds = round(width * 1e6, 6)
    if microseconds == 0.0:
        raise ValueError(f"bin_width is {width!r} s, expected a picosecond at least")
    if len(t) == 0:
        return np.zeros(0, np.int64)
    since = t - (t[0] if start is None else start)
    if since.dtype.kind == "i" and microseconds.is_integer():
        bins = (since - 1) // min(int(microseconds), 2**62)
    else:
        bins = np.ceil(since / microseconds) - 1
    return np.where(since < 0, n_steps, np.clip(bins, 0, n_steps)).astype(np.int64)


def frames_of(events: RecordedEvents, bins: Column, sensor_size: tuple[int, int, int], n_steps: int) -> Tensor:
    """1 where a bin has an event of a pixel and polarity, else 0: uint8 [T, P, H, W]; bin T is left out."""
    columns, rows, polarities = sensor_size
    # One bin more than is handed over, for what lies outside.
    flat = np.zeros((n_steps + 1) * polarities * rows * columns, np.uint8)
    flat[((bins * polarities + events.p) * rows + events.y) * columns + events.x] = 1
    return torch.from_numpy(flat).view(n_steps + 1, polarities, rows, columns)[:n_steps]


class Doubt(NamedTuple):
    """A doubt about binned recordings, and whether they are so empty that no network can be blamed."""

    words: str
    nearly_empty: bool


def doubt_about(frames: Tensor, seen: Sequence[tuple[int, int, float]], width: float | None) -> Doubt | None:
    """Describe what is odd in binned recordings [T, B, ...]: steps without events, and events outside the steps.

    Args:
        frames: binned recordings.
        seen: events, events outside the bins and duration (s) of each.
        width: width of a bin, seconds; None: bins divide every recording.
    """
    n_steps = len(frames)
    empty = n_steps - int(frames.flatten(1).any(dim=1).count_nonzero())
    events, outside, longest = sum(one[0] for one in seen), sum(one[1] for one in seen), max(one[2] for one in seen)
    steps = f"{empty} of {n_steps} steps are empty"
    if width is None:
        if 10 * empty >= 9 * n_steps and events >= n_steps * len(seen):
            return Doubt(f"{steps} in the first {len(seen)} samples: a few times lie far from all others", True)
        return None
    longest_of = "the first recording" if len(seen) == 1 else f"of the first {len(seen)} recordings the longest"
    lasting = f"{longest_of} lasts {longest:.3g} s"
    if events == 0:
        return Doubt(f"the first {len(seen)} recordings have no events", True)
    if width > longest and n_steps > 1:
        return Doubt(
            f"bin_width {width:g} s is longer than every recording, {longest:.3g} s: {steps}; seconds are meant", True
        )
    if empty == n_steps or 100 * n_steps * width < longest:
        cure = f"{lasting}, and {outside} of their {events} events are left out; bin_width is in seconds"
        return Doubt(f"{n_steps} steps of bin_width {width:g} s end after {n_steps * width:.3g} s: {cure}", True)
    if 2 * empty >= n_steps and events - outside >= n_steps:
        return Doubt(f"{steps} with bin_width {width:g} s: {lasting}; bin_width is in seconds", True)
    if outside:
        share = f"{outside} of their {events} events ({100 * outside / events:.2g} %) are left out"
        return Doubt(f"{n_steps} steps of {width:g} s end after {n_steps * width:.3g} s: {lasting}; {share}", False)
    return None
