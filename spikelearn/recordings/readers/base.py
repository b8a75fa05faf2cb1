"""What every reader of recordings gives, and the checks that all of them share."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from spikelearn.recordings.events import EVENT, Column
from spikelearn.unpacking import check_declared

T = TypeVar("T")

#: Last lines of headers: of RAW, AEDAT 3.1 and AEDAT 2.0.
ENDS = ("end", "!END-HEADER", "End Of ASCII Header")

#: Bytes of memory that a byte of a file can need: two of EVT 3.0 hold up to 12 events.
MOST_MEMORY = 12 * EVENT.itemsize // 2

#: Bytes of the longest header of a file that is read in parts.
MOST_HEADER = 1 << 20


class Recording(NamedTuple):
    """One recording as a file holds it.

    Args:
        events: structured as ``EVENT``, in the order of the file, times in microseconds.
        sensor: width and height that the file names, pixels; None: it names none.
        repairs: what was left out or mended, counted, in words.
    """

    events: Column
    sensor: tuple[int, int] | None = None
    repairs: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What files do not say of themselves.

    Args:
        columns: order of the columns in files without names: letters of x, y, t, p, and ``_`` for others.
        time_unit: length of a unit of time, seconds; None: what the format says, microseconds where it says nothing.
        number: which recording, in files that hold several.
    """

    columns: str = ""
    time_unit: float | None = None
    number: int = 0


def structured(x: Any, y: Any, t: Any, p: Any) -> Column:
    """Events structured as ``EVENT`` of four columns of whole numbers, y or p a single number where all have it.

    Raises:
        ValueError: columns of different lengths; a number that is none, has a fraction or does not fit; it is named.
    """
    count = len(t)
    events = np.empty(count, EVENT)
    for name, given in (("x", x), ("y", y), ("t", t), ("p", p)):
        column = np.asarray(given)
        if column.ndim and len(column) != count:
            raise ValueError(f"it holds {count} times and {len(column)} entries of {name}, expected as many of each")
        if column.dtype.kind == "f":
            bad = np.flatnonzero(~(np.abs(column) < 2.0**62) | (np.floor(column) != column))
        elif column.dtype.kind == "u" and column.dtype.itemsize == 8:
            bad = np.flatnonzero(column >= 2**62)
        elif column.dtype.kind in "iub":
            bad = np.zeros(0, np.int64)
        else:
            raise ValueError(f"{name} is of type {column.dtype}, expected whole numbers")
        if len(bad):
            raise ValueError(
                f"event {bad[0]} has {name} = {np.atleast_1d(column)[bad[0]]}, expected a whole number below 2^62: the "
                "file is damaged, or its columns stand in another order"
            )
        events[name] = column
    return events


def microseconds(times: Column, unit: float) -> Column:
    """Times of a unit (seconds) in whole microseconds, int64; those of a microsecond stay as they are."""
    if unit == 1e-6:
        return times
    scaled = np.round(np.asarray(times, np.float64) * (unit * 1e6))
    bad = np.flatnonzero(~(np.abs(scaled) < 2.0**62))
    if len(bad):
        raise ValueError(f"event {bad[0]} has the time {times[bad[0]]}, expected a finite number of {unit:g} s")
    return scaled.astype(np.int64)


def check_fits(path: Path) -> None:
    """Raise ValueError where the machine cannot hold the events of a file."""
    size = path.stat().st_size
    check_declared(size * MOST_MEMORY, size)


def content_of(path: Path) -> bytes:
    """The bytes of a file, which the machine can hold as events."""
    check_fits(path)
    return path.read_bytes()


def records_of(path: Path, start: int, kind: np.dtype[Any], what: str, count: int) -> Iterator[Column]:
    """The records from byte ``start`` on, ``count`` at a time.

    Raises:
        ValueError: the last record is cut; its number is named.
    """
    size = path.stat().st_size - start
    whole, rest = divmod(size, kind.itemsize)
    with path.open("rb") as file:
        file.seek(start)
        for first in range(0, whole, count):
            wanted = min(count, whole - first)
            records = np.frombuffer(file.read(wanted * kind.itemsize), kind)
            if len(records) < wanted:
                raise ValueError(f"it ends within {what} {first + len(records)}: it was cut while it was read")
            yield records
    if rest:
        _say_cut(what, whole, rest, kind, start + size)


def _say_cut(what: str, number: int, rest: int, kind: np.dtype[Any], size: int) -> None:
    raise ValueError(
        f"it ends within {what} {number}, after {rest} of its {kind.itemsize} bytes: it is cut short; restore it, or "
        f"cut it to {size - rest} bytes"
    )


def together(parts: Iterable[T], count: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """Parts that follow each other, so many that they have ``count`` events together, or a few more."""
    some, there = list[T](), 0
    for part in parts:
        some.append(part)
        there += size(part)
        if there >= count:
            yield some
            some, there = [], 0
    if some:
        yield some


def head_of(path: Path) -> bytes:
    """The first bytes of a file, in which its header lies."""
    with path.open("rb") as file:
        return file.read(MOST_HEADER)


def whole_records(body: bytes, start: int, kind: np.dtype[Any], what: str) -> Column:
    """The records from byte ``start`` on.

    Raises:
        ValueError: the last record is cut; its number is named.
    """
    rest = (len(body) - start) % kind.itemsize
    records = np.frombuffer(body, kind, count=(len(body) - start) // kind.itemsize, offset=start)
    if rest:
        _say_cut(what, len(records), rest, kind, len(body))
    return records


def header_lines(body: bytes, mark: bytes, most: int = 1 << 16) -> tuple[list[str], int]:
    """The lines at the start that begin with ``mark``, without it, and the place at which they end.

    Raises:
        ValueError: a line without an end.
    """
    lines, start = [], 0
    while body.startswith(mark, start):
        end = body.find(b"\n", start, start + most)
        if end < 0:
            raise ValueError("its header has a line without an end: it is cut short or damaged")
        lines.append(body[start + len(mark) : end].decode("latin1").strip())
        start = end + 1
        # Data may begin with the mark's byte; a header may say where it ends.
        if lines[-1] in ENDS:
            break
    return lines, start
