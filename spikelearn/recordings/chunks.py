"""Recordings of any length, some steps at a time."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.recordings.binning import Binning, Sensor
from spikelearn.recordings.bins import in_microseconds
from spikelearn.recordings.events import RecordedEvents, as_events


def chunks(
    recording: Any, binning: Binning, sensor_size: Sensor, n_steps: int, start: float | None = None
) -> Iterator[Tensor]:
    """A recording of any length, ``n_steps`` steps at a time, [T, P, H, W] each; the last may be shorter.

    Together they are what ``binning`` gives of all steps at once, but one alone is in memory beside the events.
    ``network.run`` goes on from one to the next where it is given the state that the last one left.

    Args:
        recording: ``as_events`` says what it may be.
        binning: bins of a width.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: steps of a chunk.
        start: time at which the first bin begins, microseconds; None: that of the first event.

    Raises:
        ValueError: bins without a width, or that need the whole recording; an event before ``start``.
    """
    check_count("n_steps", n_steps)
    if not binning.width or binning.overlap or binning.voxels or binning.begin or binning.end:
        raise ValueError(
            f"the binning is {str(binning) or 'that by default'!r}, expected a width, without overlap, voxels, begin "
            "and end: chunks end where a bin does"
        )
    events = as_events(recording, sensor_size)
    t = events.t
    if len(t) == 0:
        return
    zero = t[0] if start is None else start
    if t[0] < zero:
        raise ValueError(f"the first event, at {t[0]}, comes before the start, {zero}: choose an earlier one")
    width = in_microseconds("bin_width", binning.width)
    in_all = max(math.ceil((t[-1] - zero) / width), 1)
    for begin in range(0, in_all, n_steps):
        steps = min(n_steps, in_all - begin)
        low, high = (int(np.searchsorted(t, zero + at * width, "right")) for at in (begin, begin + steps))
        some = slice(low if begin else 0, high)
        part = RecordedEvents(events.x[some], events.y[some], t[some], events.p[some])
        yield binning.tensor_of(binning.of_events(part, sensor_size, steps, zero + begin * width))
