"""The one door to files of events: a format by its ending, a reader, and the checks that all recordings pass."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.checks import check_positive, one_of
from spikelearn.recordings.events import LONGEST
from spikelearn.recordings.readers.aedat import aedat_parts, read_aedat
from spikelearn.recordings.readers.aedat4 import aedat4_parts, read_aedat4
from spikelearn.recordings.readers.arrays import npy_parts, read_npy_events, read_npz_events
from spikelearn.recordings.readers.base import Reading, Recording
from spikelearn.recordings.readers.event_stream import read_event_stream
from spikelearn.recordings.readers.hdf5 import count_in_hdf5, hdf5_parts, read_hdf5
from spikelearn.recordings.readers.nmnist_bin import bin_parts, read_nmnist_bin
from spikelearn.recordings.readers.prophesee import dat_parts, raw_parts, read_dat, read_raw
from spikelearn.recordings.readers.rosbag import read_bag
from spikelearn.recordings.readers.text import read_text

#: What is said of a file without events.
NO_EVENTS = "it holds no events: restore the file, or delete it to leave the sample out"


class Format(NamedTuple):
    """A format of recordings.

    Args:
        words: what it is.
        read: the reader: a path and what files do not say of themselves -> the recording.
        sensor: whether its files name their sensor.
        parts: the reader in parts, told about how many events a part has; None: the format is read as a whole.
    """

    words: str
    read: Callable[[Path, Reading], Recording]
    sensor: bool
    parts: Callable[[Path, Reading, int], Iterator[Recording]] | None = None


_HDF5 = Format("HDF5 (Prophesee's layout, DSEC's, SHD's)", read_hdf5, False, hdf5_parts)
_TEXT = Format("text, one event a line", read_text, False)

#: Formats by the ending of a file's name, in lower case.
FORMATS: dict[str, Format] = {
    ".bin": Format("N-MNIST, N-Caltech101", read_nmnist_bin, False, bin_parts),
    ".aedat": Format("AEDAT 2.0 and 3.1", read_aedat, True, aedat_parts),
    ".aedat4": Format("AEDAT 4", read_aedat4, True, aedat4_parts),
    ".raw": Format("Prophesee RAW, EVT 2.0 and 3.0", read_raw, True, raw_parts),
    ".dat": Format("Prophesee DAT", read_dat, True, dat_parts),
    ".es": Format("Event Stream", read_event_stream, True),
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".npz": Format("numpy arrays by name", read_npz_events, False),
    ".npy": Format("a numpy array", read_npy_events, False, npy_parts),
    ".csv": _TEXT,
    ".txt": _TEXT,
    ".bag": Format("ROS 1 bag", read_bag, True),
}


def is_recording(path: Path) -> bool:
    """True if a file's ending is that of a format; hidden files are none."""
    return path.suffix.lower() in FORMATS and not path.name.startswith(".")


def format_of(path: Path) -> Format:
    """The format of a file; raises ValueError where its ending is that of none."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError as error:
        raise ValueError(
            f"{path} is no recording of a known format, expected {one_of(path.suffix, list(FORMATS))}"
        ) from error


def read_recording(
    path: str | Path, *, columns: str = "", time_unit: float | None = None, number: int = 0
) -> Recording:
    """The recording in a file, whatever program wrote it.

    Formats are known by the ending of the file's name (``FORMATS``). Events come as they are stored; ``as_events``
    sorts them and checks them against a sensor.

    Args:
        path: the file.
        columns: order of columns without names (.npy, .csv, .txt), such as "txyp"; ``_`` passes one over.
        time_unit: length of a unit of the file's times, seconds; None: what the format says, a microsecond where it
            says nothing.
        number: which recording, where a file holds several (SHD's layout).

    Raises:
        ValueError: no such file, an empty or damaged one, a format that is not known, no events, an event that cannot
            be; path and event are named.
    """
    path, reading = Path(path), Reading(columns, time_unit, number)
    form = checked_format(path, reading)
    try:
        recording = form.read(path, reading)
        if len(recording.events) == 0:
            raise ValueError(NO_EVENTS)
        check_events(recording)
    except ValueError as error:
        words = str(error)
        raise ValueError(words if str(path) in words else f"{path}: {words}") from error
    except MemoryError as error:
        raise ValueError(
            f"{path}: it is larger than this machine's memory: read it in parts (stream_recording), or cut it"
        ) from error
    return recording


def checked_format(path: Path, reading: Reading) -> Format:
    """The format of a file that can be read; raises ValueError as ``read_recording`` where it cannot."""
    if reading.time_unit is not None:
        check_positive("time_unit", reading.time_unit, "s")
    columns = reading.columns
    bad = sorted(set(columns) - set("xytp_"))
    if bad or len(set(columns) - {"_"}) < len(columns) - columns.count("_"):
        raise ValueError(f"columns is {columns!r}, expected each of x, y, t and p once, and _ for others, as in txyp")
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is no file: name a recording")
    form = format_of(path)
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: restore the file, or delete it to leave the sample out")
    return form


def count_recordings(path: Path) -> int:
    """The number of recordings in a file: one, but for HDF5 files of SHD's layout."""
    try:
        return count_in_hdf5(path) if format_of(path).read is read_hdf5 else 1
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_events(recording: Recording) -> None:
    """Raise ValueError where an event has a place or a time that cannot be."""
    events, sensor = recording.events, recording.sensor
    width, height = sensor or (1 << 15, 1 << 15)
    outside = np.flatnonzero((events["x"] < 0) | (events["x"] >= width) | (events["y"] < 0) | (events["y"] >= height))
    if len(outside):
        x, y = (int(events[name][outside[0]]) for name in "xy")
        names = f"its sensor of {width} x {height} pixels" if sensor else "any sensor"
        raise ValueError(f"event {outside[0]} is at x = {x}, y = {y}, outside {names}: the file is damaged")
    beyond = np.flatnonzero((events["t"] < 0) | (events["t"] >= LONGEST))
    if len(beyond):
        raise ValueError(
            f"event {beyond[0]} has the time {events['t'][beyond[0]]}, expected one from 0 to 2^62 us: it is damaged"
        )
    wrong = np.flatnonzero((events["p"] < 0) | (events["p"] > 1))
    if len(wrong):
        raise ValueError(f"event {wrong[0]} has the polarity {events['p'][wrong[0]]}, expected 0 or 1: it is damaged")
