"""The five bytes an event of N-MNIST and N-Caltech101."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spikelearn.recordings.events import EVENT, Column
from spikelearn.recordings.readers.base import Reading, Recording, records_of

#: Bytes of an event: x, y, then the polarity (one bit) and the time (23 bits, microseconds).
BYTES = 5

#: Events of the longest recording that is read: N-MNIST's every pixel and polarity at more than 1 kHz for 0.3 s.
MOST_EVENTS = 1_000_000

#: The row that marks an overflow of the time's counter, and by how much later times are late.
OVERFLOW, OVERFLOW_TIME = 240, 8192

CURE = "restore the file from the published archive, or delete it to leave the sample out"


def read_nmnist_bin(path: Path, _: Reading) -> Recording:
    """A recording in the layout of N-MNIST, N-Caltech101 and ATIS's .bin.

    Raises:
        ValueError: a file that is empty, cut short or too long.

    Source: Orchard, Jayawant, Cohen & Thakor, Frontiers in Neuroscience 9, 2015, and its authors' program.
    """
    return Recording(nmnist_events(path))


def check_size(path: Path) -> int:
    """The bytes of such a file; raises ValueError where it cannot be one."""
    size = path.stat().st_size
    if size == 0 or size % BYTES or size > BYTES * MOST_EVENTS:
        fault = "is empty" if size == 0 else f"has {size} bytes, expected a multiple of {BYTES}: it is cut short"
        if size > BYTES * MOST_EVENTS:
            fault = f"has {size} bytes, expected at most {MOST_EVENTS} events of {BYTES}: it is no recording"
        raise ValueError(f"{path} {fault}; {CURE}")
    return size


def nmnist_events(path: Path) -> Column:
    """The events of a file, structured as ``EVENT``."""
    return _events(np.fromfile(path, np.uint8, count=check_size(path)), 0)[0]


def bin_parts(path: Path, _: Reading, count: int) -> Iterator[Recording]:
    """As ``read_nmnist_bin``, ``count`` events at a time, of a file of any length."""
    overflows = 0
    for records in records_of(path, 0, np.dtype((np.void, BYTES)), "event", count):
        events, overflows = _events(records.view(np.uint8), overflows)
        yield Recording(events)


def _events(content: Column, overflows: int) -> tuple[Column, int]:
    """Events of whole records, and how often the time's counter has run over, ``overflows`` times before them."""
    x, y, high, middle, low = content.reshape(-1, BYTES).astype(np.int64).T
    overflow = y == OVERFLOW
    counted = overflows + np.cumsum(overflow)
    events = np.empty(len(x), EVENT)
    events["x"], events["y"], events["p"] = x, y, high >> 7
    events["t"] = ((high & 127) << 16 | middle << 8 | low) + OVERFLOW_TIME * counted
    return events[~overflow], int(counted[-1]) if len(x) else overflows
