"""Prophesee's DAT and RAW files (EVT 2.0 and 3.0)."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.recordings.events import Column
from spikelearn.recordings.readers.base import Reading, Recording, content_of, header_lines, structured, whole_records

#: An event of DAT: time (microseconds), then x (bits 0-13), y (14-27) and polarity (28-31).
DAT = np.dtype([("t", "<u4"), ("data", "<u4")])

#: Types of events in DAT files: the older one, and contrast detection.
DAT_TYPES = (0, 12)

#: Types of words in EVT 2.0 ...
OFF, ON, TIME_HIGH_2 = 0, 1, 8
#: ... and in EVT 3.0.
ADDRESS_Y, ADDRESS_X, BASE_X, VECTOR_12, VECTOR_8, TIME_LOW, TIME_HIGH = 0, 2, 3, 4, 5, 6, 8


class Header(NamedTuple):
    """What the lines of text say: EVT's version, sensor, and a time that all times are counted from, microseconds."""

    version: str | None
    sensor: tuple[int, int] | None
    t0: int


def read_dat(path: Path, _: Reading) -> Recording:
    """A recording of DAT, version 1 or 2.

    Raises:
        ValueError: another type of events, an event that is cut.

    Source: Prophesee, "DAT file format", Metavision documentation. deviation: a line ``% T0`` (faery) is added to
    times.
    """
    body = content_of(path)
    lines, start = header_lines(body, b"% ")
    if len(body) < start + 2 or not lines:
        raise ValueError("it has no header of lines that begin with %, or nothing behind it: it is cut short")
    kind, size = body[start], body[start + 1]
    if kind not in DAT_TYPES or size != DAT.itemsize:
        raise ValueError(f"it holds events of type {kind} and {size} bytes, expected type 0 or 12 and {DAT.itemsize}")
    head = _header(lines)
    records = whole_records(body, start + 2, DAT, "event")
    data = records["data"].astype(np.int64)
    t = records["t"].astype(np.int64) + head.t0
    return Recording(structured(data & 0x3FFF, (data >> 14) & 0x3FFF, t, data >> 28), head.sensor)


def read_raw(path: Path, _: Reading) -> Recording:
    """A recording of RAW, EVT 2.0 or 3.0.

    Raises:
        ValueError: another version or none, a word that is cut.

    Source: Prophesee, "EVT 2.0 format" and "EVT 3.0 format", Metavision documentation. deviation: a line ``% t0``
    (faery) is added to times; events ahead of the first word that tells the time are left out and counted.
    """
    body = content_of(path)
    lines, start = header_lines(body, b"% ")
    head = _header(lines)
    readers = {"2": _evt2, "3": _evt3}
    if head.version not in readers:
        what = f"EVT {head.version}" if head.version else "no version in its header"
        raise ValueError(f"it has {what}, expected EVT 2.0 or 3.0 (a line '% evt 3.0' or '% format EVT3'): convert it")
    x, y, t, p, early = readers[head.version](body, start)
    repairs = (f"{early} events ahead of the first time were left out",) if early else ()
    return Recording(structured(x, y, t + head.t0, p), head.sensor, repairs)


def _header(lines: list[str]) -> Header:
    text = "\n".join(lines)
    version = re.search(r"^evt (\d)\.(\d)|^format EVT(\d)(\d?)\b", text, re.M | re.I)
    width = re.search(r"\bwidth[ =](\d{1,5})\b", text, re.I)
    height = re.search(r"\bheight[ =](\d{1,5})\b", text, re.I)
    geometry = re.search(r"^geometry (\d{1,5})x(\d{1,5})", text, re.M | re.I)
    t0 = re.search(r"^t0 (\d{1,18})$", text, re.M | re.I)
    sensor = (int(width[1]), int(height[1])) if width and height else None
    if geometry:
        sensor = int(geometry[1]), int(geometry[2])
    found = None
    if version:
        whole, part = (version[1], version[2]) if version[1] else (version[3], version[4] or "0")
        found = whole if part in ("0", "") else f"{whole}.{part}"
    return Header(found, sensor, int(t0[1]) if t0 else 0)


def _unrolled(high: Column, bits: int) -> Column:
    """Counters of so many bits that run over, lifted where they fall by more than half of their range."""
    if len(high) == 0:
        return high
    return high + (np.concatenate([[0], np.cumsum(np.diff(high) < -(1 << (bits - 1)))]) << bits)


def _last(is_set: Column) -> Column:
    """Place of the last word so far for which ``is_set`` holds, -1 before the first."""
    return np.maximum.accumulate(np.where(is_set, np.arange(len(is_set)), -1)) if len(is_set) else np.zeros(0, np.int64)


def _filled(values: Column, is_set: Column) -> Column:
    """At every word the value of the last one for which ``is_set`` holds, 0 before the first."""
    kept = np.concatenate([[0], values[is_set]])
    return kept[np.cumsum(is_set)]


def _evt2(body: bytes, start: int) -> tuple[Column, Column, Column, Column, int]:
    words = whole_records(body, start, np.dtype("<u4"), "word").astype(np.int64)
    kind = words >> 28
    is_high = kind == TIME_HIGH_2
    lifted = np.zeros_like(words)
    lifted[is_high] = _unrolled(words[is_high] & 0xFFFFFFF, 28)
    is_event, known = (kind == OFF) | (kind == ON), np.cumsum(is_high) > 0
    chosen = is_event & known
    t = (_filled(lifted, is_high)[chosen] << 6) | ((words[chosen] >> 22) & 0x3F)
    x, y = (words[chosen] >> 11) & 0x7FF, words[chosen] & 0x7FF
    return x, y, t, kind[chosen] == ON, int((is_event & ~known).sum())


def _evt3(body: bytes, start: int) -> tuple[Column, Column, Column, Column, int]:
    words = whole_records(body, start, np.dtype("<u2"), "word").astype(np.int64)
    kind, value = words >> 12, words & 0xFFF
    is_high = kind == TIME_HIGH
    lifted = np.zeros_like(words)
    lifted[is_high] = _unrolled(value[is_high], 12)
    # The low bits count anew from each word of the high ones.
    low = np.where(_last(kind == TIME_LOW) > _last(is_high), _filled(value, kind == TIME_LOW), 0)
    t = (_filled(lifted, is_high) << 12) | low
    y = _filled(value & 0x7FF, kind == ADDRESS_Y)
    known = (np.cumsum(is_high) > 0) & (np.cumsum(kind == ADDRESS_Y) > 0)
    single, early = kind == ADDRESS_X, 0
    early += int((single & ~known).sum())
    single &= known
    # A vector's x begins at its base, moved on by the vectors since.
    width = np.where(kind == VECTOR_12, 12, np.where(kind == VECTOR_8, 8, 0))
    before = np.cumsum(width) - width
    is_base = kind == BASE_X
    since = before - _filled(before, is_base)
    based = (width > 0) & (np.cumsum(is_base) > 0)
    places = np.flatnonzero(based & known)
    bits = (value[places, None] >> np.arange(12)) & (np.arange(12) < width[places, None])
    early += int(((value[:, None] >> np.arange(12)) & 1)[(width > 0) & ~(based & known)].sum())
    row, bit = np.nonzero(bits)
    of = places[row]
    base, on = _filled(value & 0x7FF, is_base), _filled(value >> 11, is_base)
    word = np.concatenate([np.flatnonzero(single), of])
    x = np.concatenate([value[single] & 0x7FF, (base + since)[of] + bit])
    p = np.concatenate([value[single] >> 11, on[of]])
    order = np.argsort(word, kind="stable")
    return x[order], y[word[order]], t[word[order]], p[order], early
