"""Packed files, unpacked no further than they declare.

A small file can unpack to any size. So declared sizes are read first, and held against what the packed bytes can hold
at all and against the machine; of the content one byte more than declared is asked for, not all of it.
"""

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

#: Bytes that a packed byte can become at most: deflate's limit, for gzip and zip alike.
MOST_UNPACKED = 1032

#: Bytes that are read at a time.
CHUNK = 1 << 22

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def check_declared(declared: int, packed: int) -> None:
    """Raise ValueError where ``declared`` bytes cannot come out of ``packed`` ones, or the machine cannot hold them."""
    if declared > MOST_UNPACKED * packed:
        raise ValueError(
            f"it declares {declared} bytes, more than its {packed} bytes can hold: it is damaged or cut short"
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if declared > memory:
        raise ValueError(f"it declares {declared} bytes, but this machine has {memory} bytes of memory")


def read_exactly(file: BinaryIO, shape: Sequence[int], kind: np.dtype[Any]) -> np.ndarray | None:
    """The array that is the rest of ``file``; None where the rest is shorter or longer.

    One byte behind the array is asked for, too: a packed file compares its checksum only when it has come to its end.
    """
    content = np.empty(math.prod(shape) * kind.itemsize, np.uint8)
    rest = memoryview(content.data)
    while rest:
        size = file.readinto(rest[:CHUNK])  # type: ignore[attr-defined]
        if not size:
            return None
        rest = rest[size:]
    return None if file.read(1) else content.view(kind).reshape(shape)


def existing(path: Path) -> Path:
    """``path``; raises ValueError where it is no file."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is no file: name a file that numpy.savez wrote")
    return path


def read_npz(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an npz file; pickled objects are never read.

    Args:
        path: the file.
        names: which arrays, those that are not there left out; None: all.

    Raises:
        ValueError: no such file, no npz file, a damaged one, objects in it, or more declared than it can hold.
    """
    existing(path)
    try:
        with zipfile.ZipFile(path) as packed:
            members = {info.filename.removesuffix(".npy"): info for info in packed.infolist()}
            chosen = [name for name in members if names is None or name in names]
            check_declared(sum(members[name].file_size for name in chosen), path.stat().st_size)
            return {name: _read_member(packed, members[name]) for name in chosen}
    except Exception as error:  # a damaged file fails in any way that zip, deflate and numpy's header have
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is damaged or no npz file ({reason}): write it again with numpy.savez") from error


def array_names(path: Path) -> list[str]:
    """Names of the arrays in an npz file; raises as ``read_npz``."""
    existing(path)
    try:
        with zipfile.ZipFile(path) as packed:
            return [name.removesuffix(".npy") for name in packed.namelist()]
    except Exception as error:  # as above
        raise ValueError(f"{path} is no npz file ({error}): write it with numpy.savez") from error


def read_npy(path: Path) -> np.ndarray:
    """The array of an npy file; pickled objects are never read.

    Raises:
        ValueError: no npy file, a damaged or cut one, objects in it.
    """
    try:
        with path.open("rb") as file:
            return _read_array(file, path.stat().st_size, "it")
    except Exception as error:  # a damaged header fails in any way that numpy's reader of it has
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is damaged or no npy file ({reason}): write it again with numpy.save") from error


def _read_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is encrypted, or packed by another method than deflate")
    with packed.open(info) as file:
        return _read_array(file, info.file_size, info.filename)  # type: ignore[arg-type]


def _read_array(file: BinaryIO, size: int, name: str) -> np.ndarray:
    """The array of ``size`` bytes in numpy's format that begins here."""
    shape, by_column, kind = read_header(file, size, name)
    values = read_exactly(file, shape[::-1] if by_column else shape, kind)
    if values is None:
        raise ValueError(f"{name} is cut short: {list(shape)} of {kind} were expected")
    return values.T if by_column else values


def read_header(file: BinaryIO, size: int, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns lie together, and type of the array of ``size`` bytes in numpy's format that begins here.

    Raises:
        ValueError: another version, objects, as many bytes as the array has not.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"{name} is of the npy version {version}, expected 1.0 or 2.0")
    shape, by_column, kind = _HEADERS[version](file)
    if kind.hasobject or not kind.itemsize:
        raise ValueError(f"{name} holds {kind}, expected numbers")
    declared, there = math.prod(shape) * kind.itemsize, size - file.tell()
    if declared != there or min(shape, default=0) < 0:
        raise ValueError(f"{name} holds {there} bytes, expected {declared} for {list(shape)} of {kind}")
    return shape, by_column, kind
