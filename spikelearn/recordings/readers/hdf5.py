"""HDF5 files of events: Prophesee's layout, DSEC's, and that of the Heidelberg sets."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spikelearn.recordings.readers.arrays import from_columns
from spikelearn.recordings.readers.base import Reading, Recording, microseconds, structured
from spikelearn.recordings.readers.hdf5_heaps import check_heaps
from spikelearn.unpacking import check_declared

#: Groups in which the four columns may lie, and tables with all four; "" is the file itself.
GROUPS, TABLES = ("events", "", "CD"), ("CD/events", "events")

#: Filters that HDF5 can have from others, by their registered numbers.
FILTERS = {32001: "Blosc", 32004: "LZ4", 32015: "Zstandard", 36559: "Prophesee's ECF"}

#: Bytes that are packed together at most in a file that is read in parts.
MOST_CHUNK = 1 << 26

#: Unit of the times of the Heidelberg sets, seconds.
SECONDS = 1.0


def read_hdf5(path: Path, reading: Reading) -> Recording:
    """A recording in an HDF5 file.

    Layouts: a table ``CD/events`` (Prophesee) or ``events``; columns in the group ``events`` (DSEC, evutils; with
    ``t_offset``) or at the top; and ``spikes/times`` and ``spikes/units`` (SHD, SSC), which hold many recordings.

    Raises:
        ValueError: no HDF5 file, a damaged one, another layout, a filter that is not installed.

    Source: Prophesee, "HDF5 event file format"; Gehrig et al., IEEE RA-L 6, 2021 (DSEC); Cramer et al., IEEE TNNLS,
    2020 (SHD).
    """
    with opened(path) as file:
        if "spikes/times" in file:
            return heidelberg(file, reading.number)
        found = _found(file)
        if found.table is not None:
            return from_columns(read_array(found.table), reading, found.sensor)
        columns = {name: read_array(node) for name, node in found.columns.items()}
        recording = from_columns(columns, reading, found.sensor)
        recording.events["t"] += found.offset
        return recording


def hdf5_parts(path: Path, reading: Reading, count: int) -> Iterator[Recording]:
    """As ``read_hdf5``, ``count`` events at a time; one of SHD's layout, which is short, as a whole."""
    with opened(path) as file:
        if "spikes/times" in file:
            yield heidelberg(file, reading.number)
            return
        found = _found(file)
        nodes = found.columns if found.table is None else {"": found.table}
        for node in nodes.values():
            _check_chunks(node)
        longest = max(len(node) for node in nodes.values())
        for first in range(0, longest, count):
            slices = {name: _read(node, slice(first, first + count)) for name, node in nodes.items()}
            recording = from_columns(slices.get("", slices), reading, found.sensor)
            recording.events["t"] += found.offset
            yield recording


class Found(NamedTuple):
    """Where the events of a file lie: in a table, or in columns [N] by name, with times counted from ``offset``."""

    sensor: tuple[int, int] | None
    table: Any
    columns: dict[str, Any]
    offset: int = 0


def _found(file: Any) -> Found:
    """Where the events lie; raises ValueError in a file of another layout."""
    sensor = _sensor(file)
    for name in TABLES:
        node = file.get(name)
        if node is not None and hasattr(node, "dtype") and node.dtype.names:
            return Found(sensor, node, {})
    for name in GROUPS:
        group = file[name] if name and name in file else file if not name else None
        columns = _columns(group) if group is not None else {}
        if len(columns) >= 4:
            return Found(sensor, None, columns, _offset(file, group))
    raise ValueError(
        f"it holds {', '.join(list(file)[:8]) or 'nothing'}, expected CD/events, events/x, y, t and p, or "
        "spikes/times and spikes/units"
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file; what h5py says of a damaged one is a ValueError."""
    import h5py

    check_heaps(path)
    with suppress(ImportError):
        import hdf5plugin  # noqa: F401  (registers filters)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"HDF5 cannot read it ({_one_line(error)}): it is cut short or damaged") from error


def count_in_hdf5(path: Path) -> int:
    """The number of recordings in an HDF5 file."""
    with opened(path) as file:
        return len(file["spikes/times"]) if "spikes/times" in file else 1


def heidelberg(file: Any, number: int) -> Recording:
    """Recording ``number`` of an open file of SHD or SSC: units of a cochlea model as x, one polarity."""
    times, units = file["spikes/times"], file["spikes/units"]
    if not 0 <= number < len(times) or len(units) != len(times):
        raise ValueError(f"it holds {len(times)} times and {len(units)} units, but recording {number} was asked for")
    t, x = np.asarray(times[number]), np.asarray(units[number])
    if t.ndim != 1 or t.dtype.kind not in "fiu" or x.dtype.kind not in "fiu":
        raise ValueError(f"recording {number} has times of {t.dtype} and units of {x.dtype}, expected numbers")
    return Recording(structured(x, 0, microseconds(t, SECONDS), 0))


def read_array(node: Any) -> np.ndarray[Any, Any]:
    """The values of a data set, where they can lie in the file.

    Raises:
        ValueError: more than its stored bytes can hold, objects, a filter that is not there.
    """
    kind, stored = node.dtype, node.id.get_storage_size()
    if kind.hasobject:
        raise ValueError(f"{node.name} holds {kind}, expected numbers")
    check_declared(int(node.size) * kind.itemsize, stored)
    return _read(node, ())


def _check_chunks(node: Any) -> None:
    """Raise ValueError where a data set cannot be read in parts: objects, or what is packed together is too much."""
    if node.dtype.hasobject or node.ndim != 1:
        raise ValueError(f"{node.name} holds {node.dtype} {list(node.shape)}, expected numbers [N]")
    packed = (node.chunks or (0,))[0] * node.dtype.itemsize
    if packed > MOST_CHUNK:
        raise ValueError(
            f"{node.name} has {packed} bytes packed together, expected {MOST_CHUNK} at most: pack it anew, for example "
            "with h5repack -l CHUNK=65536"
        )


def _read(node: Any, where: Any) -> np.ndarray[Any, Any]:
    """The values of a data set at some places."""
    try:
        return np.asarray(node[where])
    except OSError as error:
        filters = node.id.get_create_plist()
        wanted = [filters.get_filter(place)[0] for place in range(filters.get_nfilters())]
        known = [FILTERS[number] for number in wanted if number in FILTERS]
        cure = (
            f"; it is packed with {known[0]}: pip install 'spikelearn[events]', or unpack it with h5repack"
            if known
            else ""
        )
        raise ValueError(f"HDF5 cannot read {node.name} ({_one_line(error)}){cure}") from error


def _columns(group: Any) -> dict[str, Any]:
    """Data sets x, y, t and p of a group, of one axis each."""
    if not hasattr(group, "items") or hasattr(group, "dtype"):
        return {}
    short = ("x", "y", "t", "p", "xs", "ys", "ts", "ps", "pol", "polarity", "timestamp", "timestamps", "polarities")
    nodes = {name: group[name] for name in group if name.lower() in short}
    return {name: node for name, node in nodes.items() if getattr(node, "ndim", 0) == 1}


def _offset(file: Any, group: Any) -> int:
    """Time that all times are counted from, microseconds (DSEC)."""
    for place in (group, file):
        if "t_offset" in place:
            return int(np.asarray(place["t_offset"][()]).reshape(()))
        if "t_offset" in place.attrs:
            return int(np.asarray(place.attrs["t_offset"]).reshape(()))
    return 0


def _sensor(file: Any) -> tuple[int, int] | None:
    """Width and height, as evutils (two attributes) or Metavision (``geometry``, 1280x720) tells them."""
    attributes = file.attrs
    if "width" in attributes and "height" in attributes:
        return int(attributes["width"]), int(attributes["height"])
    geometry = attributes.get("geometry")
    words = geometry.decode("latin1") if isinstance(geometry, bytes) else str(geometry or "")
    width, by, height = words.partition("x")
    return (int(width), int(height)) if by and width.isdigit() and height.isdigit() else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
