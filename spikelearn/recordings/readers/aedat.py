"""AEDAT 2.0 and 3.1: recordings of jAER and cAER."""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

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
    together,
    whole_records,
)

#: An event of AEDAT 2.0: address and time (microseconds), the highest byte first.
ADDRESS = np.dtype([("address", ">u4"), ("t", ">u4")])

#: A polarity event of AEDAT 3.1: validity (bit 0), polarity (1), y (2 to 16), x (17 to 31), and its time.
POLARITY = np.dtype([("data", "<u4"), ("t", "<i4")])

#: Head of a packet of AEDAT 3.1: type, source, bytes of an event, place of its time, overflows of the time's counter,
#: capacity, events, valid events.
PACKET = struct.Struct("<2H6I")
POLARITY_EVENTS = 1

#: Sensors by the names that jAER and cAER write into their headers.
SENSORS = {
    "DVS128": (128, 128),
    "DAVIS240": (240, 180),
    "DAVIS128": (128, 128),
    "DAVIS208": (208, 192),
    "DAVIS346": (346, 260),
    "DAVIS640": (640, 480),
}

VERSION = re.compile(r"!AER-DAT(\d\.\d)")


def read_aedat(path: Path, _: Reading) -> Recording:
    """A recording of AEDAT 2.0 or 3.1.

    Addresses are given as they are stored; jAER shows the x of some chips, and the y of all, the other way round.

    Raises:
        ValueError: another version, an unknown sensor of AEDAT 2.0, a packet or an event that is cut.

    Source: iniVation, "AEDAT file formats"; address bits of AEDAT 2.0: DVS128 p 0, x 1-7, y 8-14; DAVIS p 11, x 12-21,
    y 22-30, bit 31 marking samples of the frame.
    """
    body = content_of(path)
    version, lines, start = _header(body)
    if version == "2.0":
        name, size = _named(_sensor(lines))
        return _addresses(whole_records(body, start, ADDRESS, "event"), name, size)
    sensor = _sensor(lines)
    return _polarities([*_packets(io.BytesIO(body), start, len(body))], sensor)


def aedat_parts(path: Path, _: Reading, count: int) -> Iterator[Recording]:
    """As ``read_aedat``, ``count`` events, or packets of about as many, at a time."""
    version, lines, start = _header(head_of(path))
    if version == "2.0":
        name, size = _named(_sensor(lines))
        for records in records_of(path, start, ADDRESS, "event", count):
            yield _addresses(records, name, size)
        return
    sensor = _sensor(lines)
    with path.open("rb") as file:
        packets = _packets(file, start, path.stat().st_size)
        for some in together(packets, count, lambda packet: len(packet[0])):
            yield _polarities(some, sensor)


def _header(body: bytes) -> tuple[str, list[str], int]:
    """The version, the lines of the header, and where it ends."""
    lines, start = header_lines(body, b"#")
    version = VERSION.match(lines[0]) if lines else None
    if version is None:
        raise ValueError(f"it begins with {body[:12]!r}, expected #!AER-DAT and a version")
    if version[1] not in ("2.0", "3.1"):
        raise ValueError(f"it is of AEDAT {version[1]}, expected 2.0, 3.1 or 4.0 (.aedat4): convert it")
    if version[1] == "3.1" and lines[-1] != "!END-HEADER":
        raise ValueError("its header does not end with #!END-HEADER: it is cut short or damaged")
    return version[1], lines, start


def _sensor(lines: list[str]) -> tuple[str, tuple[int, int]] | None:
    """Name and size of the sensor that a header names."""
    text = " ".join(lines).upper()
    return next(((name, size) for name, size in SENSORS.items() if name in text), None)


def _named(sensor: tuple[str, tuple[int, int]] | None) -> tuple[str, tuple[int, int]]:
    if sensor is None:
        raise ValueError(
            f"its header names none of the sensors {', '.join(SENSORS)}, by which addresses are read: add the line "
            "'# AEChip: DVS128' (or its like) behind the first one"
        )
    return sensor


def _addresses(records: Column, name: str, size: tuple[int, int]) -> Recording:
    address, t = records["address"].astype(np.int64), records["t"].astype(np.int64)
    if name == "DVS128":
        kept = address & 0x8000 == 0
        x, y, p = (address >> 1) & 0x7F, (address >> 8) & 0x7F, address & 1
    else:
        # Bit 31 marks frames and the inertial sensor, bit 10 of a polarity event an external signal.
        kept = (address >> 31 == 0) & ((address >> 10) & 1 == 0)
        x, y, p = (address >> 12) & 0x3FF, (address >> 22) & 0x1FF, (address >> 11) & 1
    return Recording(structured(x[kept], y[kept], t[kept], p[kept]), size)


def _packets(file: BinaryIO, start: int, end: int) -> Iterator[tuple[Column, int]]:
    """The valid polarity events of every packet, and by how much their times are lifted."""
    number = 0
    file.seek(start)
    while start < end:
        if start + PACKET.size > end:
            raise ValueError(f"it ends within the head of packet {number}: it is cut short")
        kind, _, size, offset, overflow, capacity, events, _ = PACKET.unpack(file.read(PACKET.size))
        start += PACKET.size
        if start + size * capacity > end or events > capacity:
            raise ValueError(
                f"packet {number} declares {events} of {capacity} events of {size} bytes, but {end - start} "
                "bytes follow: it is cut short or damaged"
            )
        if kind == POLARITY_EVENTS:
            if (size, offset) != (POLARITY.itemsize, 4):
                raise ValueError(f"packet {number} has events of {size} bytes, expected {POLARITY.itemsize}: damaged")
            records = np.frombuffer(file.read(events * POLARITY.itemsize), POLARITY)
            yield records[records["data"] & 1 == 1], overflow << 31
        start += size * capacity
        file.seek(start)
        number += 1


def _polarities(packets: Sequence[tuple[Column, int]], sensor: tuple[str, tuple[int, int]] | None) -> Recording:
    none = np.zeros(0, np.int64)
    data = np.concatenate([none, *(records["data"].astype(np.int64) for records, _ in packets)])
    t = np.concatenate([none, *(records["t"] + np.int64(lift) for records, lift in packets)])
    events = structured(data >> 17, (data >> 2) & 0x7FFF, t, (data >> 1) & 1)
    return Recording(events, sensor[1] if sensor else None)
