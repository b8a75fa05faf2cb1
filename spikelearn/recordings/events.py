"""Recordings of events, whatever library made them: one door that checks them and hands over plain columns."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from spikelearn.checks import check_count

#: One event as the package's own data sets give it (and tonic): x, y in pixels, t in microseconds, p 0 OFF or 1 ON.
EVENT = np.dtype([("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", np.int64)])

#: Names of a column in the libraries that read event cameras, in lower case.
NAMES = {
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on"),
}

#: Units of numpy's times, in picoseconds.
PICOSECONDS = {"D": 86400 * 10**12, "h": 3600 * 10**12, "m": 60 * 10**12, "s": 10**12}
PICOSECONDS |= {"W": 7 * PICOSECONDS["D"], "ms": 10**9, "us": 10**6, "ns": 10**3, "ps": 1}

#: Bits of short counters of time, beside those of 31 bits and more.
SHORT_COUNTERS = (16, 23, 24)

#: A recording that spans more microseconds than this, 146,000 years, is damaged; sums of such times fit in 64 bits.
LONGEST = 2**62

Column = np.ndarray[Any, Any]


class RecordedEvents(NamedTuple):
    """Events in order of time: x, y [N] (pixels, int64), t [N] (microseconds, int64 or float64), p [N] (0 or 1, int64).

    ``late`` is the number of the first event that came after a later one in the recording; None: all were in order.
    """

    x: Column
    y: Column
    t: Column
    p: Column
    late: int | None = None


def as_events(recording: Any, sensor_size: tuple[int, int, int], *, in_order: bool = False) -> RecordedEvents:
    """The events of a recording, checked, in order of time; the recording itself is not changed.

    Args:
        recording: a structured array, a mapping of columns or a data frame with x, y, t and p, by these or other
            libraries' names (timestamp, polarity, on, ...). Columns are whole numbers, or floating point that holds
            them; times may have fractions, and may be numpy's times, which know their unit. Polarity is 0 and 1,
            False and True, or -1 and 1. y may be missing for a sensor of one row, p for one of one polarity.
        sensor_size: width, height (pixels) and number of polarities.
        in_order: whether times that decrease are refused; else the events are sorted, equal times as they come.

    Raises:
        ValueError: columns that are missing, of another type or length; an event outside the sensor, without a finite
            time or with another polarity; times of a counter that began anew; the first such event is named.
    """
    width, height, polarities = _sensor(sensor_size)
    columns = columns_by_name(recording, optional={"y": height == 1, "p": polarities == 1})
    _check_lengths(columns)
    x, y = _whole("x", columns["x"]), _whole("y", columns["y"])
    _check_inside(columns, x, y, width, height)
    p = _channels(columns["p"], polarities)
    t = _times(columns["t"])
    late = _first(t[1:] < t[:-1])
    if len(t) and int(t.max()) - int(t.min()) >= LONGEST:
        raise ValueError(f"its times go from {t.min()} to {t.max()} microseconds: they are damaged, or in another unit")
    if late is not None:
        late += 1
        if in_order:
            raise ValueError(f"it has times that decrease: event {late} at {t[late]} follows one at {t[late - 1]}")
        _check_counter(t)
        order = np.argsort(t, kind="stable")
        x, y, t, p = x[order], y[order], t[order], p[order]
    return RecordedEvents(x, y, t, p, late)


def _sensor(sensor_size: tuple[int, int, int]) -> tuple[int, int, int]:
    try:
        width, height, polarities = (int(size) for size in sensor_size)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sensor_size is {sensor_size!r}, expected (width, height, polarities)") from error
    for name, size in (("width", width), ("height", height), ("polarities", polarities)):
        check_count(f"sensor_size's {name}", size)
    return width, height, polarities


def columns_by_name(recording: Any, optional: Mapping[str, bool]) -> dict[str, Column]:
    """The four columns under their short names, whatever library named them; raises ValueError as ``as_events``."""
    names = _names(recording)
    columns: dict[str, Column] = {}
    for column, known in NAMES.items():
        given = {place: name for name, place in names.items() if str(name).lower() in known}
        if len(given) > 1:
            raise ValueError(
                f"it has the columns {' and '.join(map(str, given.values()))}: leave out all but one of them"
            )
        if given:
            columns[column] = _column(column, recording, *given.values())
        elif not optional.get(column):
            raise ValueError(
                f"it has the columns {', '.join(map(str, names)) or 'none'}, expected x, y, t (or timestamp) and p (or "
                f"polarity): {column} is missing; rename the column that holds it"
            )
    for column in NAMES:
        columns.setdefault(column, np.zeros(len(columns["x"]), np.int64))
    return columns


def _names(recording: Any) -> dict[Any, Any]:
    """{name or title of a column: what tells columns apart}."""
    if isinstance(recording, np.ndarray) and recording.dtype.fields:
        # A name and a title of one field have the same place in memory.
        return {name: field[1] for name, field in recording.dtype.fields.items()}
    keys = recording if isinstance(recording, Mapping) else getattr(recording, "columns", None)
    if keys is None:
        shape = f" of shape {list(recording.shape)}" if isinstance(recording, np.ndarray) else ""
        raise ValueError(
            f"it is a {type(recording).__name__}{shape}, whose columns have no names, expected a structured array, "
            "a dict or a data frame with x, y, t and p, for example dict(x=a[:, 0], y=a[:, 1], t=a[:, 2], p=a[:, 3])"
        )
    return {name: name for name in keys}


def _column(name: str, recording: Any, given: Any) -> Column:
    try:
        values = recording[given]
        column = np.asarray(values)
    except (TypeError, ValueError, RuntimeError, LookupError) as error:
        raise ValueError(
            f"its column {given} cannot be read as numbers ({error}): make it a numpy array (a lazy frame: .collect())"
        ) from error
    if column.ndim != 1:
        raise ValueError(f"{name} has the shape {list(column.shape)}, expected one number an event, [N]")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has events that are masked out: leave them out with .compressed()")
    return column


def _check_lengths(columns: Mapping[str, Column]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"its columns have different lengths ({told}), expected one number an event in each")


def _whole(name: str, column: Column) -> Column:
    """The column as int64; what is too large for it stays too large for any sensor."""
    if column.dtype.kind == "f":
        bad = _first(~np.isfinite(column) | (np.floor(column) != column))
        if bad is not None:
            raise ValueError(f"event {bad} has {name} = {column[bad]}, expected a whole number")
        return np.clip(column.astype(np.float64), -(2.0**62), 2.0**62).astype(np.int64)
    if column.dtype.kind not in "iu":
        raise ValueError(f"{name} is of type {column.dtype}, expected whole numbers: convert it with .astype(int)")
    if column.dtype.itemsize == 8 and column.dtype.kind == "u":
        column = np.minimum(column, np.uint64(2**62))
    return column.astype(np.int64)


def _check_inside(columns: Mapping[str, Column], x: Column, y: Column, width: int, height: int) -> None:
    if len(x) == 0 or (x.min() >= 0 and x.max() < width and y.min() >= 0 and y.max() < height):
        return
    bad = _first((x < 0) | (x >= width) | (y < 0) | (y >= height))
    raise ValueError(
        f"it has events outside the {width} x {height} sensor: event {bad} is at x = {columns['x'][bad]}, y = "
        f"{columns['y'][bad]}, expected x from 0 to {width - 1} and y from 0 to {height - 1}: set sensor_size to the "
        "sensor's (width, height, polarities), or leave the event out"
    )


def _channels(column: Column, polarities: int) -> Column:
    """Channel of every event: 0 and 1 as they are, -1 and 1 as 0 and 1; 0 where there is one channel."""
    p = column.astype(np.int64) if column.dtype.kind == "b" else _whole("p", column)
    if len(p) == 0 or (p.min() >= 0 and p.max() < polarities and polarities > 1):
        return p
    lowest, highest = -1 if polarities <= 2 else 0, max(polarities - 1, 1)
    bad = _first((p < lowest) | (p > highest) | ((p == 0) & bool(p.min() < 0)))
    if bad is not None:
        others = f", where others have {int(p.min())}" if p[bad] == 0 else ""
        raise ValueError(
            f"event {bad} has the polarity {column[bad]}{others}, expected "
            + ("0 (OFF) and 1 (ON), or -1 and 1: convert it" if highest == 1 else f"0 to {highest}")
        )
    if polarities > 1:
        return np.maximum(p, 0)
    if p.min() != p.max():
        raise ValueError(
            f"it has the polarities {int(p.min())} and {int(p.max())}, but the sensor has one: make the last number of "
            "sensor_size 2, or keep the events of one polarity"
        )
    return np.zeros_like(p)


def _times(column: Column) -> Column:
    """Times in microseconds, int64, or float64 where they have fractions."""
    kind = column.dtype.kind
    if kind in "mM":
        return _microseconds(column)
    if kind not in "iuf":
        raise ValueError(f"t is of type {column.dtype}, expected numbers: microseconds")
    if kind == "i":
        return column.astype(np.int64)
    bad = _first(~np.isfinite(column) | (np.abs(column) >= 2.0**63)) if kind == "f" else _first(column > 2**63 - 1)
    if bad is not None:
        raise ValueError(f"event {bad} has the time {column[bad]}, expected a finite number of microseconds below 2^63")
    if kind == "u":
        return column.astype(np.int64)
    t = column.astype(np.float64)
    return t.astype(np.int64) if np.all(np.floor(t) == t) else t


def _microseconds(column: Column) -> Column:
    """numpy's times or durations in microseconds; where these have fractions, counted from the first event."""
    bad = _first(np.isnat(column))
    if bad is not None:
        raise ValueError(f"event {bad} has no time (NaT), expected one")
    unit, count = np.datetime_data(column.dtype)
    numbers = column.astype(column.dtype.newbyteorder("=")).view(np.int64)
    if unit == "generic" or len(numbers) == 0:
        return numbers
    if unit not in PICOSECONDS:
        raise ValueError(f"t is of type {column.dtype}, expected times in s, ms, us or ns: convert it")
    step, lowest, highest = count * PICOSECONDS[unit], int(numbers.min()), int(numbers.max())
    if highest - lowest >= 2**63 or max(-lowest, highest) * step >= 2**63 * 10**6:
        raise ValueError(f"its times, of type {column.dtype}, go beyond 2^63 microseconds: they are damaged")
    if step % 10**6 == 0:
        return numbers * (step // 10**6)
    since = numbers - lowest
    if 10**6 % step == 0 and not np.any(since % (10**6 // step)):
        return since // (10**6 // step)
    return since * (step / 10**6)


def _check_counter(t: Column) -> None:
    """Raise ValueError where times fall back by the range of a counter, less one ordinary step: it began anew."""
    if t.dtype.kind == "f":
        return
    steps = np.diff(t)
    at = int(steps.argmin())
    fall = -int(steps[at])
    bits = fall.bit_length()
    size = 2**bits
    gap, usual = size - fall, int(steps.max())
    unsigned = t.min() >= 0 and t.max() < size
    signed = t.min() >= -size // 2 and t.max() < size // 2
    # Recordings that are joined may last as long as a short counter by chance: there the step must be an ordinary one.
    known = bits >= 31 or (bits in SHORT_COUNTERS and gap <= 8 * usual)
    if known and gap <= size // 16 and (unsigned or signed):
        raise ValueError(
            f"its times begin anew at event {at + 1}: {t[at]} is followed by {t[at + 1]}, as where a counter of {bits} "
            "bits runs over, and sorting would mix late events with early ones: lift the times with "
            f"np.unwrap(t.astype(np.int64), period=2**{bits}); if two recordings were joined, sort them by time first"
        )


def _first(bad: Any) -> int | None:
    """Number of the first event for which ``bad`` holds."""
    places = np.flatnonzero(bad)
    return int(places[0]) if len(places) else None
