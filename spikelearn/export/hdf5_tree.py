"""A program of its own: the groups and arrays of an HDF5 file, as JSON and bytes on standard output.

    python hdf5_tree.py FILE LARGEST_BYTES

HDF5 is a large C library that damaged files can crash or hold up for ever; here that ends a process, and not the one
that asked. Nothing is followed out of the file: links to other files, external storage and filters that would be
loaded from a folder are refused. It imports nothing of this package, so that it starts at once.
"""

import json
import os
import struct
import sys
from typing import Any

#: Depth of groups, and number of groups and arrays, that a network may have.
DEEPEST, MOST = 16, 100_000

#: deflate, shuffle, fletcher32, szip, n-bit, scale-offset, LZF: filters that come with h5py.
FILTERS = {1, 2, 3, 4, 5, 6, 32000}


class _Tree:
    """Groups as dicts, and leaves as lists: a text as itself, an array as its place in ``parts``."""

    def __init__(self, largest: int) -> None:
        self.left, self.largest, self.items, self.parts, self.at = largest, largest, 0, list[bytes](), 0

    def group(self, group: Any, depth: int) -> dict[str, Any]:
        import h5py

        if depth > DEEPEST:
            raise ValueError(f"groups lie more than {DEEPEST} deep in each other")
        found: dict[str, Any] = {}
        for name in group:
            self.items += 1
            if self.items > MOST:
                raise ValueError(f"it has more than {MOST:,} groups and arrays")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{group.name}/{name} is a link to another place, which is not followed")
            item = group[name]
            if isinstance(item, h5py.Group):
                found[name] = self.group(item, depth + 1)
            elif isinstance(item, h5py.Dataset):
                found[name] = self.array(item)
            else:
                raise ValueError(f"{item.name} is neither a group nor an array")
        return found

    def array(self, data: Any) -> Any:
        import h5py
        import numpy as np

        plist = data.id.get_create_plist()
        if data.external or data.is_virtual:
            raise ValueError(f"{data.name} lies in another file, which is not opened")
        filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
        if not filters <= FILTERS:
            raise ValueError(f"{data.name} is packed by filters {sorted(filters - FILTERS)}, which are not known")
        if data.shape is None:
            raise ValueError(f"{data.name} holds nothing")
        text = h5py.check_string_dtype(data.dtype) is not None
        size = data.size * (16 if text else data.dtype.itemsize)
        if size > self.left:
            raise ValueError(f"{data.name} of shape {list(data.shape)} makes it larger than {self.largest:,} bytes")
        self.left -= size
        if text:
            texts = np.asarray(data.asstr()[()], dtype=object)
            return ["text", texts.tolist()]
        if data.dtype.kind not in "biuf":
            raise ValueError(f"{data.name} holds {data.dtype}, expected numbers or text")
        value = np.ascontiguousarray(data[()])
        if value.dtype.itemsize > 8:
            raise ValueError(f"{data.name} holds {data.dtype}, expected numbers of 8 bytes at the most")
        value = value.astype(value.dtype.newbyteorder("<"))
        content = value.tobytes()
        place = {"type": value.dtype.str, "shape": list(data.shape), "at": self.at, "bytes": len(content)}
        self.parts.append(content)
        self.at += len(content)
        return ["array", place]


def _limit_memory(largest: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = 4 * largest + 2**32
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


def main(path: str, largest: int) -> None:
    """Write the length of the JSON, the JSON, and the bytes of the arrays one after the other."""
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # as HDF5 has it: no filters are loaded from folders
    _limit_memory(largest)
    import h5py

    tree = _Tree(largest)
    try:
        with h5py.File(path, "r", locking=False) as file:
            answer: dict[str, Any] = {"tree": tree.group(file, 0)}
    except MemoryError:
        answer = {"error": "it needs more memory than there is"}
    except Exception as error:  # HDF5 raises errors of many kinds; the sentence is the result
        answer = {"error": " ".join(str(error).split()) or type(error).__name__}
    header = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack("<Q", len(header)) + header)
    for part in [] if "error" in answer else tree.parts:
        sys.stdout.buffer.write(part)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
