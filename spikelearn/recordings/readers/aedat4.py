"""AEDAT 4: recordings of dv-processing and DV, packets of flat buffers, most often packed."""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from spikelearn.extras import from_extra
from spikelearn.recordings.events import Column
from spikelearn.recordings.readers.base import Reading, Recording, check_fits, structured, together

MAGIC = b"#!AER-DAT4.0\r\n"

#: An event of a packet.
EVENT_4 = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)

#: How packets are packed, by the number that the header has.
CODECS = {0: None, 1: "lz4", 2: "lz4", 3: "zstd", 4: "zstd"}

#: Bytes that a packet is unpacked to at most: a million events are 16 MB.
MOST_PACKET = 1 << 26


class Stream(NamedTuple):
    """A stream of events that the header names."""

    number: int
    sensor: tuple[int, int] | None


def read_aedat4(path: Path, _: Reading) -> Recording:
    """A recording of AEDAT 4; where it has several streams of events, the first.

    Raises:
        ValueError: another version, no stream of events, a packet that is cut or cannot be unpacked.

    Source: iniVation, "AEDAT 4.0", and the flat buffers of dv-processing (IOHeader, EventPacket).
    """
    check_fits(path)
    sensor, parts = _opened(path)
    events = np.concatenate([np.zeros(0, EVENT_4), *parts])
    return Recording(structured(events["x"], events["y"], events["t"], events["p"]), sensor)


def aedat4_parts(path: Path, _: Reading, count: int) -> Iterator[Recording]:
    """As ``read_aedat4``, packets of about ``count`` events at a time."""
    sensor, parts = _opened(path)
    for some in together(parts, count, len):
        events = np.concatenate(some)
        yield Recording(structured(events["x"], events["y"], events["t"], events["p"]), sensor)


def _opened(path: Path) -> tuple[tuple[int, int] | None, Iterator[Column]]:
    """The sensor that is named, and the events, packet after packet."""
    whole = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise ValueError(f"it begins with {magic!r}, expected {MAGIC!r}")
        try:
            (size,) = struct.unpack("<I", file.read(4))
            start = len(MAGIC) + 4 + size
            if start > whole:
                raise ValueError("it ends within its header: it is cut short")
            codec, end, text = _head(file.read(size))
        except (struct.error, IndexError) as error:
            raise ValueError("its header is cut short or damaged") from error
    stream = _stream(text)
    return stream.sensor, _packets(path, start, end if start <= end <= whole else whole, codec, stream.number)


def _head(buffer: bytes) -> tuple[str | None, int, str]:
    """How packets are packed, where they end (-1: with the file), and the description of the streams."""
    table = _table(buffer, 0)
    compression, position, node = (_field(buffer, table, place) for place in range(3))
    number = struct.unpack_from("<i", buffer, compression)[0] if compression else 0
    end = struct.unpack_from("<q", buffer, position)[0] if position else -1
    if number not in CODECS:
        raise ValueError(f"it is packed in the way {number}, expected one of {list(CODECS)}")
    if not node:
        raise ValueError("its header describes no streams")
    text = node + struct.unpack_from("<I", buffer, node)[0]
    (length,) = struct.unpack_from("<I", buffer, text)
    return CODECS[number], end, buffer[text + 4 : text + 4 + length].decode("utf8", "replace")


def _table(buffer: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", buffer, at)[0])


def _field(buffer: bytes, table: int, place: int) -> int:
    """Where a field of a table lies; 0 where the table has none."""
    virtual = table - struct.unpack_from("<i", buffer, table)[0]
    if virtual < 0:
        raise IndexError("a table lies ahead of the buffer")
    (size,) = struct.unpack_from("<H", buffer, virtual)
    offset = struct.unpack_from("<H", buffer, virtual + 4 + 2 * place)[0] if 6 + 2 * place <= size else 0
    return table + offset if offset else 0


def _stream(text: str) -> Stream:
    """The first stream of events in the description, XML without entities."""
    if "<!" in text:
        raise ValueError("its header holds declarations, which AEDAT 4 has none of: it is damaged")
    try:
        root = ElementTree.fromstring(text.rstrip("\0"))
    except ElementTree.ParseError as error:
        raise ValueError(f"its header is damaged ({error})") from error
    streams = []
    for node in root.iter("node"):
        own = {attribute.get("key"): attribute.text or "" for attribute in node.findall("attr")}
        name = node.get("name", "")
        if own.get("typeIdentifier") == "EVTS" and re.fullmatch(r"\d{1,9}", name):
            sizes = {a.get("key"): a.text or "" for a in node.iter("attr") if a.get("key") in ("sizeX", "sizeY")}
            width, height = sizes.get("sizeX", ""), sizes.get("sizeY", "")
            both = re.fullmatch(r"\d{1,5}", width) and re.fullmatch(r"\d{1,5}", height)
            streams.append(Stream(int(name), (int(width), int(height)) if both else None))
    if not streams:
        raise ValueError("it holds no stream of events")
    return min(streams, key=lambda stream: stream.number)


def _packets(path: Path, start: int, end: int, codec: str | None, wanted: int) -> Iterator[Column]:
    number = 0
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            head = file.read(8)
            if start + 8 > end or len(head) < 8:
                raise ValueError(f"it ends within the head of packet {number}: it is cut short")
            stream, size = struct.unpack("<ii", head)
            start += 8
            if size < 0 or start + size > end:
                raise ValueError(
                    f"packet {number} declares {size} bytes, but {end - start} follow: it is cut short or damaged"
                )
            if stream == wanted:
                try:
                    events = _events(_unpacked(file.read(size), codec))
                except (struct.error, IndexError, ValueError) as error:
                    raise ValueError(f"packet {number} is damaged ({error})") from error
                yield events
            else:
                file.seek(size, os.SEEK_CUR)
            start += size
            number += 1


def _unpacked(packed: bytes, codec: str | None) -> bytes:
    if codec is None:
        return packed
    pyarrow = from_extra("pyarrow", "unpacking this recording", "events")

    try:
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), codec) as stream:
            content: Any = stream.read(MOST_PACKET + 1)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(" ".join(str(error).split())[:120]) from error
    if len(content) > MOST_PACKET:
        raise ValueError(f"it unpacks to more than {MOST_PACKET} bytes")
    return bytes(content)


def _events(buffer: bytes) -> Column:
    """The events of a packet: a table with a vector of them, its own size ahead of it."""
    table = _table(buffer, 4)
    elements = _field(buffer, table, 0)
    if not elements:
        return np.zeros(0, EVENT_4)
    vector = elements + struct.unpack_from("<I", buffer, elements)[0]
    (count,) = struct.unpack_from("<I", buffer, vector)
    return np.frombuffer(buffer, EVENT_4, count=count, offset=vector + 4)
