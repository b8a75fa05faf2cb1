"""Event Stream (.es): the format of the International Centre for Neuromorphic Systems."""

import re
import struct
from pathlib import Path

import numpy as np

from spikelearn.recordings.readers.base import Reading, Recording, content_of, structured

MAGIC = b"Event Stream"

#: Version, and the type of events, of what is read: contrast detection.
VERSION, DVS = 2, 1

#: Bytes ahead of the events: the magic, version (3), type, width and height.
HEADER = len(MAGIC) + 8

#: A byte that says nothing, one by which time goes on 127 microseconds, and an event: time since the last and polarity,
#: then x and y.
NOTHING, WAIT = 0xFE, 0xFF
RUNS = re.compile(rb"[\xfe\xff]+|(?:[\x00-\xfd].{4})+", re.DOTALL)
EVENT_STREAM = np.dtype([("step", "u1"), ("x", "<u2"), ("y", "<u2")])


def read_event_stream(path: Path, _: Reading) -> Recording:
    """A recording of Event Stream, version 2, of contrast detection.

    In the file y counts from below; here, as in all other formats, row 0 is the upper one.

    Raises:
        ValueError: another version or type, an event that is cut.

    Source: Event Stream 2, by the authors of the format; faery gives the same y.
    """
    body = content_of(path)
    if not body.startswith(MAGIC) or len(body) < HEADER:
        raise ValueError(f"it begins with {body[:12]!r}, expected {MAGIC!r} and {HEADER} bytes at least")
    version, kind = body[len(MAGIC)], body[len(MAGIC) + 3]
    if (version, kind) != (VERSION, DVS):
        raise ValueError(f"it is of version {version} and type {kind}, expected {VERSION} and {DVS} (DVS): convert it")
    width, height = struct.unpack_from("<2H", body, len(MAGIC) + 4)
    place, waits, packed, count = HEADER, [], [], 0
    wait, ahead = 0, []
    for run in RUNS.finditer(body, HEADER):
        if run.start() != place:
            break
        content, place = run.group(), run.end()
        if content[0] >= NOTHING:
            wait += 127 * content.count(bytes([WAIT]))
            continue
        ahead.append(count)
        waits.append(wait)
        packed.append(content)
        count += len(content) // EVENT_STREAM.itemsize
        wait = 0
    if place != len(body):
        raise ValueError(f"it ends within event {count}: it is cut short")
    records = np.frombuffer(b"".join(packed), EVENT_STREAM)
    steps = records["step"].astype(np.int64) >> 1
    steps[np.array(ahead, np.int64)] += np.array(waits, np.int64)
    y = height - 1 - records["y"].astype(np.int64)
    return Recording(structured(records["x"], y, np.cumsum(steps), records["step"] & 1), (width, height))
