"""Recordings of any length, some steps at a time."""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.recordings.binning import Binning, Sensor
from spikelearn.recordings.bins import in_microseconds
from spikelearn.recordings.doubts import DataWarning
from spikelearn.recordings.events import RecordedEvents, as_events
from spikelearn.recordings.streams import StreamedRecording

#: Steps behind which a recording is said to be nearly empty, if fewer than one in ten has an event.
LOOKED_AT = 50


def chunks(
    recording: Any, binning: Binning, sensor_size: Sensor, n_steps: int, start: float | None = None
) -> Iterator[Tensor]:
    """A recording of any length, ``n_steps`` steps at a time, [T, P, H, W] each; the last may be shorter.

    Together they are what ``binning`` gives of all steps at once, but one alone is in memory beside the events; of a
    recording of ``stream_recording`` some events alone are, too.
    ``network.run`` goes on from one to the next where it is given the state that the last one left.

    Args:
        recording: ``as_events`` says what it may be; or one of ``stream_recording``, of which some events alone are in
            memory.
        binning: bins of a width.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: steps of a chunk.
        start: time at which the first bin begins, microseconds; None: that of the first event.

    Raises:
        ValueError: bins without a width, or that need the whole recording; an event before ``start``.

    Warns:
        DataWarning: at the beginning nearly all steps are without events, as where seconds were not meant.
    """
    check_count("n_steps", n_steps)
    if not binning.width or binning.overlap or binning.voxels or binning.begin or binning.end:
        raise ValueError(
            f"the binning is {str(binning) or 'that by default'!r}, expected a width, without overlap, voxels, begin "
            "and end: chunks end where a bin does"
        )
    streamed = isinstance(recording, StreamedRecording)
    parts = recording.in_order(sensor_size) if streamed else iter([as_events(recording, sensor_size)])
    width, begin, zero = in_microseconds("bin_width", binning.width), 0, start
    waiting: RecordedEvents | None = None
    looked, events = False, 0
    for part in parts:
        if len(part.t) == 0:
            continue
        zero = part.t[0] if zero is None else zero
        if part.t[0] < zero:
            raise ValueError(f"the first event, at {part.t[0]}, comes before the start, {zero}: choose an earlier one")
        waiting = part if waiting is None else _joined(waiting, part)
        while waiting.t[-1] > zero + (begin + n_steps) * width:
            some, waiting = _cut(waiting, zero + (begin + n_steps) * width)
            yield binning.tensor_of(binning.of_events(some, sensor_size, n_steps, zero + begin * width))
            begin, events = begin + n_steps, events + len(some.t)
            if not looked and begin >= LOOKED_AT:
                looked = True
                _say_where_empty(events, begin, binning.width)
    if waiting is not None and zero is not None:
        steps = max(math.ceil((waiting.t[-1] - zero) / width), 1) - begin
        yield binning.tensor_of(binning.of_events(waiting, sensor_size, steps, zero + begin * width))


def _say_where_empty(events: int, steps: int, width: float) -> None:
    if 10 * events < steps:
        warnings.warn(
            f"the first {steps} steps of {width:g} s have {events} events: seconds are meant, and microseconds in the "
            "recording",
            DataWarning,
            stacklevel=3,
        )


def _joined(one: RecordedEvents, other: RecordedEvents) -> RecordedEvents:
    x, y, t, p = (np.concatenate(pair) for pair in zip(one[:4], other[:4], strict=True))
    return RecordedEvents(x, y, t, p)


def _cut(events: RecordedEvents, end: float) -> tuple[RecordedEvents, RecordedEvents]:
    """Events up to a time, and those behind it."""
    cut = int(np.searchsorted(events.t, end, "right"))
    x, y, t, p = events[:4]
    before = RecordedEvents(x[:cut], y[:cut], t[:cut], p[:cut])
    return before, RecordedEvents(x[cut:], y[cut:], t[cut:], p[cut:])
