"""A NIR file as plain values, whatever is in it, and the checksum that says whether it is as it was written."""

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.documents import json_text
from spikelearn.export import hdf5_tree

#: Bytes that all arrays of a file may have together, unpacked.
LARGEST = 2**31

#: Seconds after which reading is given up, and more for each byte of the file.
PATIENCE, PER_BYTE = 20.0, 1e-7

#: Key of the checksum in a graph's metadata.
CONTENT = "content_sha256"

Tree = dict[str, Any]


def read_tree(path: Path | str, largest: int = LARGEST) -> Tree:
    """The graph of a NIR file, its group ``node``; arguments and errors as of ``read_groups``."""
    node: Tree = read_groups(path, largest)["node"]
    return node


def read_groups(path: Path | str, largest: int = LARGEST) -> Tree:
    """What is in a NIR file, its graph under ``node``: dicts, numpy arrays and texts; no code of it is run.

    It is read by a process of its own, which damaged files may crash.

    Args:
        path: the file.
        largest: bytes that its arrays may have together, unpacked.

    Raises:
        ValueError: no such file, none of HDF5, a damaged one, a larger one, one that reaches out of itself, one whose
            content is not what its checksum says.
    """
    path = Path(path)
    cure = "export it again"
    if not path.is_file():
        raise ValueError(f"{path} does not exist: name a NIR file")
    with path.open("rb") as file:
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            raise ValueError(f"{path} cannot be read as NIR (it is no HDF5 file): name one that ends in .nir")
    command = [sys.executable, "-I", hdf5_tree.__file__, str(path.resolve()), str(largest)]
    patience = PATIENCE + PER_BYTE * path.stat().st_size
    try:
        done = subprocess.run(command, capture_output=True, timeout=patience, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as error:
        words = f"HDF5 does not come to an end of it in {patience:.0f} s"
        raise ValueError(f"{path} cannot be read as NIR ({words}, so it is damaged): {cure}") from error
    if done.returncode:
        raise ValueError(f"{path} cannot be read as NIR (it is damaged: HDF5 stopped with {done.returncode}): {cure}")
    answer, content = _split(done.stdout)
    if "error" in answer:
        raise ValueError(f"{path} cannot be read as NIR ({answer['error']}): {cure}")
    tree = _filled(answer["tree"], content)
    node = tree.get("node")
    if not isinstance(node, dict):
        raise ValueError(f"{path} cannot be read as NIR (it has no group 'node'): {cure}")
    known = node.get("metadata", {})
    said = known.get(CONTENT) if isinstance(known, dict) else None
    if said is not None and said != content_of(node):
        raise ValueError(f"{path} is not as it was written (its checksum does not match): {cure}")
    return tree


def content_of(node: Mapping[str, Any]) -> str:
    """The sha256 of a graph as NIR's ``to_dict`` gives it: names, types, shapes and values, but not of itself."""
    digest = hashlib.sha256()
    _add(digest, "", node)
    return digest.hexdigest()


def _add(digest: Any, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        if name.endswith("/metadata") and not value:
            return
        digest.update(f"{name} {{\n".encode())
        for key in sorted(value):
            if key != CONTENT and value[key] is not None:
                _add(digest, f"{name}/{key}", value[key])
        return
    if isinstance(value, str):
        digest.update(f"{name} {json_text(value)}\n".encode())
        return
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        texts = [_text(item) for item in array.reshape(-1).tolist()]
        # Edges are a set.
        rows = sorted(zip(texts[::2], texts[1::2], strict=True)) if name.endswith("/edges") else texts
        digest.update(f"{name} {json_text([list(row) if isinstance(row, tuple) else row for row in rows])}\n".encode())
        return
    digest.update(f"{name} {array.dtype.str} {list(array.shape)}\n".encode())
    digest.update(np.ascontiguousarray(array).tobytes())


def _text(value: Any) -> str:
    return value.decode("utf8", "replace") if isinstance(value, bytes) else str(value)


def _split(output: bytes) -> tuple[dict[str, Any], bytes]:
    length = struct.unpack_from("<Q", output)[0]
    return json.loads(output[8 : 8 + length]), output[8 + length :]


def _filled(tree: Mapping[str, Any], content: bytes) -> Tree:
    found: Tree = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found[name] = _filled(value, content)
            continue
        kind, what = value
        if kind == "text":
            found[name] = what if isinstance(what, str) else np.asarray(what, dtype=object)
        else:
            part = content[what["at"] : what["at"] + what["bytes"]]
            found[name] = np.frombuffer(part, what["type"]).reshape(what["shape"]).copy()
    return found
