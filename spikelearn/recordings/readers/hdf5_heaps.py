"""A look at an HDF5 file's heaps of variable length: the library walks through damaged ones without an end."""

import mmap
import struct
from functools import lru_cache
from pathlib import Path

#: How a global heap collection begins: signature, version, reserved bytes; collections lie at multiples of 8.
COLLECTION = b"GCOL\x01\x00\x00\x00"

#: Bytes of the head of a collection, and of an object in it: index, references, reserved bytes, size.
HEAD, OBJECT = 16, struct.Struct("<HHIQ")


def check_heaps(path: Path) -> None:
    """Raise ValueError where a heap of values of variable length is damaged.

    Source: HDF5 File Format Specification 3.0, III.E, "Disk format: level 1E - global heap".
    """
    status = path.stat()
    fault = _fault(str(path), status.st_size, status.st_mtime_ns)
    if fault:
        raise ValueError(fault)


@lru_cache(maxsize=64)
def _fault(path: str, size: int, _: int) -> str:
    """What is wrong with the heaps of a file of a size and time; empty: nothing."""
    if size == 0:
        return ""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(COLLECTION)
        while at >= 0:
            if at % 8 == 0 and not _is_whole(content, at):
                return f"the heap at byte {at} is damaged: the file is cut short or damaged"
            at = content.find(COLLECTION, at + 8)
    return ""


def _is_whole(content: mmap.mmap, start: int) -> bool:
    """Tell whether the objects of a collection fill it, one behind the other."""
    if start + HEAD > len(content):
        return False
    (size,) = struct.unpack_from("<Q", content, start + 8)
    end, place = start + size, start + HEAD
    if size < HEAD or end > len(content):
        return False
    while place + OBJECT.size <= end:
        index, _, _, length = OBJECT.unpack_from(content, place)
        if index == 0:  # what is left over; its own head is counted
            return length == end - place
        place += OBJECT.size + -(-length // 8) * 8
    return place <= end
