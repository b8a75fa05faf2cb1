"""Prophesee's DAT and RAW files (EVT 2.0 and 3.0)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spikelearn.recordings.events import Column
from spikelearn.recordings.readers.base import (
    Reading,
    Recording,
    content_of,
    head_of,
    header_lines,
    records_of,
    structured,
    whole_records,
)

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


class Decoded(NamedTuple):
    """Columns of events, and how many were left out that came ahead of the first time."""

    x: Column
    y: Column
    t: Column
    p: Column
    early: int


class Evt2(NamedTuple):
    """What words of EVT 2.0 leave to those behind them: the time's high bits, lifted, and whether they are known."""

    high: int = 0
    timed: bool = False


class Evt3(NamedTuple):
    """What words of EVT 3.0 leave to those behind them.

    Args:
        high, low: of the time, the high bits lifted.
        timed: whether the time is known.
        y: row; None: not known yet.
        base: x, and polarity in bit 11, at which vectors begin; None: not known yet.
        since: pixels by which vectors have moved on from there.
    """

    high: int = 0
    low: int = 0
    timed: bool = False
    y: int | None = None
    base: int | None = None
    since: int = 0


def read_dat(path: Path, _: Reading) -> Recording:
    """A recording of DAT, version 1 or 2.

    Raises:
        ValueError: another type of events, an event that is cut.

    Source: Prophesee, "DAT file format", Metavision documentation. deviation: a line ``% T0`` (faery) is added to
    times.
    """
    body = content_of(path)
    head, start = _dat_header(body)
    return _dat(whole_records(body, start, DAT, "event"), head)


def dat_parts(path: Path, _: Reading, count: int) -> Iterator[Recording]:
    """As ``read_dat``, ``count`` events at a time."""
    head, start = _dat_header(head_of(path))
    for records in records_of(path, start, DAT, "event", count):
        yield _dat(records, head)


def _dat_header(body: bytes) -> tuple[Header, int]:
    lines, start = header_lines(body, b"% ")
    if len(body) < start + 2 or not lines:
        raise ValueError("it has no header of lines that begin with %, or nothing behind it: it is cut short")
    kind, size = body[start], body[start + 1]
    if kind not in DAT_TYPES or size != DAT.itemsize:
        raise ValueError(f"it holds events of type {kind} and {size} bytes, expected type 0 or 12 and {DAT.itemsize}")
    return _header(lines), start + 2


def _dat(records: Column, head: Header) -> Recording:
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
    head, start = _raw_header(body)
    kind, decode, state = _decoder(head)
    return _raw(decode(whole_records(body, start, kind, "word"), state)[0], head)


def raw_parts(path: Path, _: Reading, count: int) -> Iterator[Recording]:
    """As ``read_raw``, ``count`` words at a time; what words leave to those behind them is carried on."""
    head, start = _raw_header(head_of(path))
    kind, decode, state = _decoder(head)
    for words in records_of(path, start, kind, "word", count):
        decoded, state = decode(words, state)
        yield _raw(decoded, head)


def _raw_header(body: bytes) -> tuple[Header, int]:
    lines, start = header_lines(body, b"% ")
    return _header(lines), start


def _decoder(head: Header) -> tuple[np.dtype[Any], Callable[[Column, Any], tuple[Decoded, Any]], Any]:
    """Words of a file, their decoder, and what it begins with."""
    if head.version == "2":
        return np.dtype("<u4"), _evt2, Evt2()
    if head.version == "3":
        return np.dtype("<u2"), _evt3, Evt3()
    what = f"EVT {head.version}" if head.version else "no version in its header"
    raise ValueError(f"it has {what}, expected EVT 2.0 or 3.0 (a line '% evt 3.0' or '% format EVT3'): convert it")


def _raw(decoded: Decoded, head: Header) -> Recording:
    x, y, t, p, early = decoded
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


def _unrolled(high: Column, bits: int, before: int | None) -> Column:
    """Counters of so many bits that run over, lifted where they fall by more than half of their range.

    ``before`` is the lifted counter ahead of them; None: there is none.
    """
    if len(high) == 0:
        return high
    if before is not None:
        with_last = np.concatenate([[before & ((1 << bits) - 1)], high])
        return _unrolled(with_last, bits, None)[1:] + (before >> bits << bits)
    return high + (np.concatenate([[0], np.cumsum(np.diff(high) < -(1 << (bits - 1)))]) << bits)


def _last(is_set: Column) -> Column:
    """Place of the last word so far for which ``is_set`` holds, -1 before the first."""
    return np.maximum.accumulate(np.where(is_set, np.arange(len(is_set)), -1)) if len(is_set) else np.zeros(0, np.int64)


def _filled(values: Column, is_set: Column, first: int = 0) -> Column:
    """At every word the value of the last one for which ``is_set`` holds, ``first`` before there is one."""
    kept = np.concatenate([[first], values[is_set]])
    return kept[np.cumsum(is_set)]


def _evt2(given: Column, state: Evt2) -> tuple[Decoded, Evt2]:
    words = given.astype(np.int64)
    kind = words >> 28
    is_high = kind == TIME_HIGH_2
    lifted = np.zeros_like(words)
    lifted[is_high] = _unrolled(words[is_high] & 0xFFFFFFF, 28, state.high if state.timed else None)
    high = _filled(lifted, is_high, state.high)
    is_event, known = (kind == OFF) | (kind == ON), (np.cumsum(is_high) > 0) | state.timed
    chosen = is_event & known
    t = (high[chosen] << 6) | ((words[chosen] >> 22) & 0x3F)
    x, y = (words[chosen] >> 11) & 0x7FF, words[chosen] & 0x7FF
    behind = Evt2(int(high[-1]), bool(known[-1])) if len(words) else state
    return Decoded(x, y, t, kind[chosen] == ON, int((is_event & ~known).sum())), behind


def _evt3(given: Column, state: Evt3) -> tuple[Decoded, Evt3]:
    words = given.astype(np.int64)
    if len(words) == 0:
        return Decoded(words, words, words, words, 0), state
    kind, value = words >> 12, words & 0xFFF
    is_high, is_low, is_row, is_base = (kind == one for one in (TIME_HIGH, TIME_LOW, ADDRESS_Y, BASE_X))
    lifted = np.zeros_like(words)
    lifted[is_high] = _unrolled(value[is_high], 12, state.high if state.timed else None)
    # The low bits count anew from each word of the high ones.
    last_low, last_high = _last(is_low), _last(is_high)
    low = np.where(last_low > last_high, _filled(value, is_low), np.where(last_high < 0, state.low, 0))
    high = _filled(lifted, is_high, state.high)
    t = (high << 12) | low
    y = _filled(value & 0x7FF, is_row, state.y or 0)
    timed, placed = (last_high >= 0) | state.timed, (np.cumsum(is_row) > 0) | (state.y is not None)
    known = timed & placed
    single, early = kind == ADDRESS_X, 0
    early += int((single & ~known).sum())
    single &= known
    # A vector's x begins at its base, moved on by the vectors since.
    width = np.where(kind == VECTOR_12, 12, np.where(kind == VECTOR_8, 8, 0))
    before = np.cumsum(width) - width
    since = before - _filled(before, is_base, -state.since)
    has_base = (np.cumsum(is_base) > 0) | (state.base is not None)
    places = np.flatnonzero((width > 0) & has_base & known)
    bits = (value[places, None] >> np.arange(12)) & (np.arange(12) < width[places, None])
    early += int(((value[:, None] >> np.arange(12)) & 1)[(width > 0) & ~(has_base & known)].sum())
    row, bit = np.nonzero(bits)
    of = places[row]
    base = _filled(value, is_base, state.base or 0)
    word = np.concatenate([np.flatnonzero(single), of])
    x = np.concatenate([value[single] & 0x7FF, (base & 0x7FF)[of] + since[of] + bit])
    p = np.concatenate([value[single] >> 11, base[of] >> 11])
    order = np.argsort(word, kind="stable")
    behind = Evt3(
        int(high[-1]),
        int(low[-1]),
        bool(timed[-1]),
        int(y[-1]) if placed[-1] else None,
        int(base[-1]) if has_base[-1] else None,
        int(since[-1] + width[-1]),
    )
    return Decoded(x[order], y[word[order]], t[word[order]], p[order], early), behind
