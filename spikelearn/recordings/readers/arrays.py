"""Files of numpy arrays: .npz and .npy."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spikelearn.recordings.events import columns_by_name
from spikelearn.recordings.readers.base import Reading, Recording, microseconds, structured
from spikelearn.unpacking import read_header, read_npy, read_npz


def read_npz_events(path: Path, reading: Reading) -> Recording:
    """A recording in an .npz file: four arrays named as columns are, or one structured array.

    Raises:
        ValueError: a damaged file, objects in it, arrays of other names.

    Source: NEP 1 of NumPy, "A simple file format for NumPy arrays", 2007.
    """
    arrays = read_npz(path)
    single = [array for array in arrays.values() if array.dtype.names]
    if len(single) == 1:
        return from_columns(single[0], reading)
    width, height = (arrays.get(name) for name in ("width", "height"))
    sensor = None
    if width is not None and height is not None and width.size == height.size == 1:
        sensor = int(width.reshape(())), int(height.reshape(()))
    return from_columns({name: array for name, array in arrays.items() if array.ndim == 1}, reading, sensor)


def read_npy_events(path: Path, reading: Reading) -> Recording:
    """A recording in an .npy file: a structured array, or numbers [N, columns] whose order is said.

    Raises:
        ValueError: a damaged file, objects in it, columns whose order is not said.

    Source: NEP 1 of NumPy, "A simple file format for NumPy arrays", 2007.
    """
    return _of_array(read_npy(path), reading)


def npy_parts(path: Path, reading: Reading, count: int) -> Iterator[Recording]:
    """As ``read_npy_events``, ``count`` events at a time."""
    with path.open("rb") as file:
        try:
            shape, by_column, kind = read_header(file, path.stat().st_size, "it")
        except Exception as error:  # a damaged header fails in any way that numpy's reader of it has
            raise ValueError(f"it is damaged or no npy file ({error}): write it again with numpy.save") from error
        begin, width = file.tell(), math.prod(shape[1:])
        if len(shape) not in (1, 2):
            _of_array(np.empty((0,) * len(shape), kind), reading)  # which says what is wrong
        for first in range(0, shape[0], count):
            rows = min(count, shape[0] - first)
            if by_column and len(shape) == 2:
                places = [begin + (column * shape[0] + first) * kind.itemsize for column in range(width)]
                part = np.stack([_at(file, place, rows, kind) for place in places], 1)
            else:
                part = _at(file, begin + first * width * kind.itemsize, rows * width, kind).reshape(rows, *shape[1:])
            yield _of_array(part, reading)


def _at(file: BinaryIO, place: int, count: int, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    file.seek(place)
    return np.frombuffer(file.read(count * kind.itemsize), kind, count)


def _of_array(array: np.ndarray[Any, Any], reading: Reading) -> Recording:
    if array.dtype.names:
        return from_columns(array, reading)
    if array.ndim != 2 or array.dtype.kind not in "iufb":
        raise ValueError(
            f"it holds an array {list(array.shape)} of {array.dtype}, expected a structured one, or [N, 4]"
        )
    return from_columns(named(array, reading.columns), reading)


def named(array: np.ndarray[Any, Any], columns: str) -> dict[str, np.ndarray[Any, Any]]:
    """{x, y, t, p: column} of numbers [N, columns].

    Raises:
        ValueError: an order that is not said, or of another number of columns.
    """
    if len(columns) != array.shape[1]:
        said = f"columns={columns} names {len(columns)}" if columns else "their order is not said"
        raise ValueError(
            f"it has {array.shape[1]} columns without names, and {said}: say it, for example --data-option "
            f"columns={'txyp'[: array.shape[1]]} (_ passes one over)"
        )
    return {name: array[:, place] for place, name in enumerate(columns) if name != "_"}


def from_columns(columns: Any, reading: Reading, sensor: tuple[int, int] | None = None) -> Recording:
    """A recording of a structured array or a mapping of columns, by their usual names; y and p may be missing."""
    given: Mapping[str, Any] = columns_by_name(columns, optional={"y": True, "p": True})
    t = given["t"]
    if reading.time_unit is None and t.dtype.kind == "f" and len(t):
        odd = np.flatnonzero(np.isfinite(t) & (np.floor(t) != t))
        if len(odd):
            raise ValueError(
                f"event {odd[0]} has the time {t[odd[0]]}, whose unit is not said: name it, for example --data-option "
                "time_unit=1 (seconds) or 1e-3 (milliseconds)"
            )
    p = given["p"]
    if p.dtype.kind in "if" and len(p) and p.min() < 0:
        bad = np.flatnonzero((p != -1) & (p != 1))
        if len(bad):
            raise ValueError(f"event {bad[0]} has the polarity {p[bad[0]]}, expected -1 and 1, or 0 and 1")
        p = p > 0
    times = microseconds(t, 1e-6 if reading.time_unit is None else reading.time_unit)
    return Recording(structured(given["x"], given["y"], times, p), sensor)
