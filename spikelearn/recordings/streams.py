"""Recordings that are longer than memory: read in parts, put in order, checked."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.checks import check_count
from spikelearn.recordings.doubts import DataWarning
from spikelearn.recordings.events import RecordedEvents, as_events
from spikelearn.recordings.readers.base import Reading, Recording
from spikelearn.recordings.readers.files import NO_EVENTS, check_events, checked_format

#: Events of a part, about.
PART = 1 << 17

#: Microseconds by which an event may come after a later one.
LATE = 10_000


class StreamedRecording:
    """A recording in a file that is read in parts, as often as it is gone through; ``stream_recording`` makes it.

    Formats with a reader in parts are .bin, .aedat, .aedat4, .raw, .dat, .h5, .hdf5 and .npy; a file of another one is
    read as a whole.
    """

    def __init__(self, path: str | Path, reading: Reading, part: int = PART) -> None:
        check_count("part", part)
        self.path, self.reading, self.part = Path(path), reading, part
        self._form = checked_format(self.path, reading)
        first = next(self.parts())
        #: Width and height that the file names, pixels; None: it names none.
        self.sensor: tuple[int, int] | None = first.sensor

    def parts(self) -> Iterator[Recording]:
        """The events in the order of the file, some at a time; raises ValueError as ``read_recording``."""
        form, count = self._form, 0
        read = iter(()) if form.parts is None else form.parts(self.path, self.reading, self.part)
        try:
            for recording in read if form.parts is not None else [form.read(self.path, self.reading)]:
                check_events(recording)
                count += len(recording.events)
                if len(recording.events) or recording.repairs:
                    yield recording
            if not count:
                raise ValueError(NO_EVENTS)
        except ValueError as error:
            behind = f", behind {count} events" if count else ""
            raise ValueError(f"{self.path}{behind}: {error}") from error

    def in_order(self, sensor_size: tuple[int, int, int]) -> Iterator[RecordedEvents]:
        """The events in order of time, checked against a sensor, as ``as_events`` gives them.

        Args:
            sensor_size: width, height (pixels) and number of polarities.

        Raises:
            ValueError: as ``read_recording`` and ``as_events``; an event that comes when later ones have been handed
                over, which wait for ``LATE`` microseconds.
        """
        waiting, count, shown, is_sorted = np.zeros(0, np.int64), 0, None, False
        for recording in self.parts():
            events = recording.events
            for words in recording.repairs:
                warnings.warn(f"{self.path}: {words}", DataWarning, stacklevel=2)
            if not len(events):
                continue
            some = np.concatenate([waiting, events]) if len(waiting) else events
            first = count - len(waiting)
            newest = int(some["t"].max()) - LATE
            if shown is not None and int(events["t"].min()) < shown:
                late = int(np.flatnonzero(events["t"] < shown)[0])
                raise ValueError(
                    f"{self.path}: event {count + late}, at {events['t'][late]} us, comes more than {LATE} us after a "
                    "later one, which cannot be mended in parts: sort the file by time, or read it as a whole"
                )
            if np.any(some["t"][1:] < some["t"][:-1]):
                some = some[np.argsort(some["t"], kind="stable")]
                if not is_sorted:
                    words = f"{self.path}: events that come after later ones are sorted by time"
                    warnings.warn(words, DataWarning, stacklevel=2)
                is_sorted = True
            cut = int(np.searchsorted(some["t"], newest, "right"))
            if cut:
                shown = max(newest, shown or 0)
                yield self._checked(some[:cut], sensor_size, first)
            waiting, count = some[cut:], count + len(events)
        if len(waiting):
            yield self._checked(waiting, sensor_size, count - len(waiting))

    def _checked(self, events: Any, sensor_size: tuple[int, int, int], first: int) -> RecordedEvents:
        try:
            return as_events(events, sensor_size)
        except ValueError as error:
            behind = f", in order of time behind {first} events" if first else ""
            raise ValueError(f"{self.path}{behind}: {error}") from error


def stream_recording(
    path: str | Path, *, columns: str = "", time_unit: float | None = None, number: int = 0, part: int = PART
) -> StreamedRecording:
    """A recording that ``chunks`` walks through while some of its events alone are in memory.

    >>> for piece in chunks(stream_recording("drive.raw"), Binning(width=1e-3), (1280, 720, 2), n_steps=100): ...

    Events out of order by ``LATE`` (10 ms) at most are sorted, as they are where the file is read as a whole; that, and
    what a reader leaves out, is warned of.

    Args:
        path, columns, time_unit, number: as of ``read_recording``.
        part: events that are read at a time, about; a packet of AEDAT comes as a whole.

    Raises:
        ValueError: as ``read_recording``: of the beginning at once, of the rest where it is come to.
    """
    return StreamedRecording(path, Reading(columns, time_unit, number), part)


def sensor_from(text: str, recording: Recording | StreamedRecording) -> tuple[int, int]:
    """Width and height of the sensor, as text says ("128x128", pixels) or the recording's file names.

    Raises:
        ValueError: text of another form; no text, and a file that names none.
    """
    if text:
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(text))
        if found is None or not int(found[1]) or not int(found[2]):
            raise ValueError(f"sensor is {text!r}, expected width x height in pixels, as in 128x128")
        return int(found[1]), int(found[2])
    if recording.sensor is None:
        raise ValueError(
            "the file does not name its sensor: say it, for example sensor=128x128 (width x height, pixels)"
        )
    return recording.sensor
