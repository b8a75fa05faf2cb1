"""AEDAT 2.0 and 3.1: recordings of jAER and cAER."""

import re
import struct
from pathlib import Path

import numpy as np

from spikelearn.recordings.events import Column
from spikelearn.recordings.readers.base import Reading, Recording, content_of, header_lines, structured, whole_records

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
    lines, start = header_lines(body, b"#")
    version = VERSION.match(lines[0]) if lines else None
    if version is None:
        raise ValueError(f"it begins with {body[:12]!r}, expected #!AER-DAT and a version")
    if version[1] == "2.0":
        return _addresses(body, start, _sensor(lines))
    if version[1] == "3.1":
        if lines[-1] != "!END-HEADER":
            raise ValueError("its header does not end with #!END-HEADER: it is cut short or damaged")
        return _packets(body, start, _sensor(lines))
    raise ValueError(f"it is of AEDAT {version[1]}, expected 2.0, 3.1 or 4.0 (.aedat4): convert it")


def _sensor(lines: list[str]) -> tuple[str, tuple[int, int]] | None:
    """Name and size of the sensor that a header names."""
    text = " ".join(lines).upper()
    return next(((name, size) for name, size in SENSORS.items() if name in text), None)


def _addresses(body: bytes, start: int, sensor: tuple[str, tuple[int, int]] | None) -> Recording:
    if sensor is None:
        raise ValueError(
            f"its header names none of the sensors {', '.join(SENSORS)}, by which addresses are read: add the line "
            "'# AEChip: DVS128' (or its like) behind the first one"
        )
    name, size = sensor
    records = whole_records(body, start, ADDRESS, "event")
    address, t = records["address"].astype(np.int64), records["t"].astype(np.int64)
    if name == "DVS128":
        kept = address & 0x8000 == 0
        x, y, p = (address >> 1) & 0x7F, (address >> 8) & 0x7F, address & 1
    else:
        # Bit 31 marks frames and the inertial sensor, bit 10 of a polarity event an external signal.
        kept = (address >> 31 == 0) & ((address >> 10) & 1 == 0)
        x, y, p = (address >> 12) & 0x3FF, (address >> 22) & 0x1FF, (address >> 11) & 1
    return Recording(structured(x[kept], y[kept], t[kept], p[kept]), size)


def _packets(body: bytes, start: int, sensor: tuple[str, tuple[int, int]] | None) -> Recording:
    parts: list[tuple[Column, Column]] = []
    number = 0
    while start < len(body):
        if start + PACKET.size > len(body):
            raise ValueError(f"it ends within the head of packet {number}: it is cut short")
        kind, _, size, offset, overflow, capacity, events, _ = PACKET.unpack_from(body, start)
        start += PACKET.size
        if start + size * capacity > len(body) or events > capacity:
            raise ValueError(
                f"packet {number} declares {events} of {capacity} events of {size} bytes, but {len(body) - start} "
                "bytes follow: it is cut short or damaged"
            )
        if kind == POLARITY_EVENTS:
            if (size, offset) != (POLARITY.itemsize, 4):
                raise ValueError(f"packet {number} has events of {size} bytes, expected {POLARITY.itemsize}: damaged")
            records = np.frombuffer(body, POLARITY, count=events, offset=start)
            valid = records[records["data"] & 1 == 1]
            parts.append((valid["data"].astype(np.int64), valid["t"].astype(np.int64) + (overflow << 31)))
        start += size * capacity
        number += 1
    data, t = (np.concatenate([part[k] for part in parts] or [np.zeros(0, np.int64)]) for k in (0, 1))
    events_of = structured(data >> 17, (data >> 2) & 0x7FFF, t, (data >> 1) & 1)
    return Recording(events_of, sensor[1] if sensor else None)
