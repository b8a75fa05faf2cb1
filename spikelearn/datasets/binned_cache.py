"""Binned recordings on the disk: binned once, read by every later process, and never where anything has changed."""

import hashlib
import importlib.metadata
import itertools
import json
import logging
import math
import os
import shutil
import struct
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import platformdirs

from spikelearn.files import sweep, write_atomically

_log = logging.getLogger(__name__)

#: Environment variable that says how many GB are kept; 0 keeps none.
LIMIT_VARIABLE = "SPIKELEARN_CACHE_GB"

#: GB that are kept where the environment says nothing.
LIMIT = 8.0

#: Seconds for which a file that was just written is not trusted: clocks of file systems miss a second change in them.
UNSETTLED = 2.0

#: Bytes of recordings that wait to be written as one file.
WAITING = 16 << 20

#: Files of the cache that are open at once.
OPEN = 64

#: What reads files of an ending beside this package and numpy.
LIBRARIES = {
    ".h5": ("h5py", "hdf5plugin"),
    ".hdf5": ("h5py", "hdf5plugin"),
    ".bag": ("rosbags",),
    ".aedat4": ("pyarrow",),
    ".gif": ("pillow",),
}

_MAGIC = b"SPIKEBIN"
_HEAD = struct.Struct("<8sQQLL")  # magic, recordings, bytes of the words, checksum of rows and words, bytes of each
#: What is known of a recording: plain numbers, through which no search for garbage goes.
_ROW = np.dtype(
    [
        ("stamp", "V16"),
        ("checksum", "<u4"),
        ("mended", "<u4"),
        ("late", "<i8"),
        ("events", "<i8"),
        ("outside", "<i8"),
        ("merged", "<i8"),
        ("seconds", "<f8"),
    ]
)
_ENDING = ".bits"

#: File, number in it, bytes, time of change and of creation (ns) and place on the disk.
Stamp = tuple[str, int, int, int, int, int]


class Kept(NamedTuple):
    """A binned recording, and what is said of it whether it was binned or read."""

    #: Entries of 0 or 1, packed, or the bytes of numbers; uint8.
    bits: np.ndarray[Any, Any]
    #: Events, those outside the bins, and those that met another one in their bin, pixel and polarity.
    events: int
    outside: int
    merged: int
    #: Duration, seconds.
    seconds: float
    #: The first event that came too late, or None.
    late: int | None
    #: What the reader mended, in words.
    mended: str


class Found(NamedTuple):
    """Recordings that were on the disk.

    Attributes:
        places: which of those that were asked for.
        bits: a row each, uint8.
        about: what is known of each, as ``_ROW``.
        mended: {number among them: what the reader mended, in words}.
    """

    places: list[int]
    bits: np.ndarray[Any, Any]
    about: np.ndarray[Any, Any]
    mended: dict[int, str]


class Part(NamedTuple):
    """A file of the cache: its recordings, the words that they refer to, and its first byte of bits."""

    path: Path
    rows: np.ndarray[Any, Any]
    words: list[str]
    first: int


def stamp_of(path: Path, number: int) -> Stamp:
    """What changes when a file is written anew, of one recording in it.

    Raises:
        OSError: no such file.
    """
    name = os.fspath(path)
    status = os.stat(name)
    return name, number, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def is_settled(stamp: Stamp) -> bool:
    """Tell whether a later change of the file would change the stamp."""
    return time.time() - max(stamp[3], stamp[4]) * 1e-9 > UNSETTLED


def plain(value: Any) -> Any:
    """A setting as JSON has it; raises ValueError where it is no plain value, such as a function or an array."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return [[plain(key), plain(one)] for key, one in value.items()]
    raise ValueError(f"{value!r} is no plain value")


@lru_cache(maxsize=64)
def version_of_readers(endings: frozenset[str]) -> str | None:
    """A checksum of all code that reads and bins files of these endings, and its libraries; None: no code is there."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256(f"numpy {np.__version__}\0".encode())
    sources = [*sorted(package.glob("recordings/**/*.py")), *sorted(package.glob("datasets/*.py"))]
    for source in sources:
        digest.update(f"{source.relative_to(package)}\0".encode() + source.read_bytes())
    for library in sorted({library for ending in endings for library in LIBRARIES.get(ending, ())}):
        try:
            digest.update(f"{library} {importlib.metadata.version(library)}\0".encode())
        except importlib.metadata.PackageNotFoundError:
            digest.update(f"no {library}\0".encode())
    return digest.hexdigest() if sources else None


def limit() -> int:
    """Bytes that are kept; raises ValueError where the environment says no number of GB."""
    given = os.environ.get(LIMIT_VARIABLE) or str(LIMIT)
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{LIMIT_VARIABLE} is {given!r}, expected a number of GB, or 0 to keep no binned recordings")
    return int(number * 1e9)


def cache_folder() -> Path:
    """The user's folder of binned recordings."""
    return Path(platformdirs.user_cache_path("spikelearn")) / "binned"


class BinnedCache:
    """Binned recordings of one data set, split and setting, in files that are whole or not there.

    Args:
        name: name of the folder: what it holds, and a checksum of all settings.
        n_bytes: bytes of a binned recording.
        samples: recordings of the split; when all are known they are written.
    """

    def __init__(self, name: str, n_bytes: int, samples: int) -> None:
        self.folder, self.n_bytes, self.samples = cache_folder() / name, n_bytes, samples
        self._parts: list[Part] = []
        self._places: dict[bytes, int] = {}  # of every stamp: 2^32 times the number of its part, and its row
        self._waiting: list[tuple[Stamp, Kept]] = []
        self._open: dict[Path, Any] = {}
        for path in self.folder.glob(f"*{_ENDING}"):
            self._add(path)
        # It runs when the cache is no more needed, and when a process ends, be it one of several.
        Finalize(self, _write, (self.folder, n_bytes, self._waiting), exitpriority=1)

    def __reduce__(self) -> Any:
        return type(self), (self.folder.name, self.n_bytes, self.samples)

    def get(self, stamps: Sequence[Stamp | None]) -> Found:
        """What there is of recordings, and is not damaged; those that follow one another in a file are read at once."""
        known = self._places
        keys = [b"" if stamp is None else _short(stamp) for stamp in stamps]
        places = np.array([known.get(key, -1) for key in keys], np.int64)
        there = np.flatnonzero(places >= 0)
        parts, rows = places[there] >> 32, places[there] & 0xFFFFFFFF
        bits, about = np.empty((len(there), self.n_bytes), np.uint8), np.empty(len(there), _ROW)
        for number in np.unique(parts).tolist():
            about[parts == number] = self._parts[number].rows[rows[parts == number]]
        begins = np.flatnonzero(np.diff(places[there], prepend=-2) != 1).tolist()
        for begin, end in itertools.pairwise([*begins, len(there)]):
            part = self._parts[parts[begin]]
            self._read(part.path, part.first + int(rows[begin]) * self.n_bytes, bits[begin:end])
        whole = np.fromiter((zlib.crc32(one.data) for one in bits), np.uint32, len(bits)) == about["checksum"]
        if not whole.all():
            for place in there[~whole].tolist():
                known.pop(keys[place], None)
            there, parts, bits, about = there[whole], parts[whole], bits[whole], about[whole]
        words = {number: self._parts[number].words for number in np.unique(parts).tolist()}
        mended = {}
        if any(map(any, words.values())):
            said = [words[part][row] for part, row in zip(parts.tolist(), about["mended"].tolist(), strict=True)]
            mended = {place: one for place, one in enumerate(said) if one}
        return Found(there.tolist(), bits, about, mended)

    def put(self, stamp: Stamp, binned: Kept) -> None:
        """Keep a recording; many are written at once."""
        self._waiting.append((stamp, binned))
        count = len(self._waiting)
        if count * self.n_bytes >= min(WAITING, limit()) or count + len(self._places) >= self.samples:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        path = _write(self.folder, self.n_bytes, self._waiting)
        if path is not None:
            self._add(path)

    def _add(self, path: Path) -> None:
        part = _part(path, self.n_bytes)
        if part is not None:
            first, stamps = len(self._parts) << 32, part.rows["stamp"].tobytes()
            self._places.update((stamps[16 * row : 16 * row + 16], first + row) for row in range(len(part.rows)))
            self._parts.append(part)

    def _read(self, path: Path, offset: int, bits: np.ndarray[Any, Any]) -> None:
        """Fill ``bits``; where the file is cut or gone the rest is left, and its checksums are wrong."""
        try:
            file = self._open.get(path)
            if file is None:
                if len(self._open) >= OPEN:
                    self._open.pop(next(iter(self._open)))
                file = self._open[path] = path.open("rb", buffering=0)
                with suppress(OSError):  # of another user
                    os.utime(path)  # the oldest use goes first
            os.preadv(file.fileno(), [bits.data], offset)
        except OSError:
            return


def _short(stamp: Stamp) -> bytes:
    return hashlib.blake2b(repr(stamp).encode(errors="surrogateescape"), digest_size=16).digest()


def _write(folder: Path, n_bytes: int, waiting: list[tuple[Stamp, Kept]]) -> Path | None:
    """Write recordings into a file of its own, and remove what was not used for longest where there is too much."""
    taken = waiting[:]
    del waiting[: len(taken)]
    if not taken:
        return None
    words = list(dict.fromkeys(one.mended for _, one in taken))
    rows = np.array([_row(stamp, one, words.index(one.mended)) for stamp, one in taken], _ROW)
    told = json.dumps(words).encode()
    index = rows.tobytes() + told
    content = b"".join([index, *(one.bits.tobytes() for _, one in taken)])
    path = folder / f"{hashlib.sha256(content).hexdigest()[:32]}{_ENDING}"
    try:
        write_atomically(path, _HEAD.pack(_MAGIC, len(rows), len(told), zlib.crc32(index), n_bytes) + content)
        trim(limit())
    except OSError as error:  # recordings can always be binned again
        _log.warning("binned recordings are not kept: %s", error)
        return None
    return path


def _row(stamp: Stamp, one: Kept, mended: int) -> tuple[Any, ...]:
    late = -1 if one.late is None else one.late
    numbers = one.events, one.outside, one.merged, one.seconds
    return _short(stamp), zlib.crc32(one.bits.tobytes()), mended, late, *numbers


def _part(path: Path, n_bytes: int) -> Part | None:
    """A file of the cache; None, and the file is removed, where it is cut or no such file."""
    try:
        with path.open("rb") as file:
            magic, count, told, checksum, each = _HEAD.unpack(file.read(_HEAD.size))
            first = _HEAD.size + count * _ROW.itemsize + told
            if magic != _MAGIC or each != n_bytes or os.fstat(file.fileno()).st_size != first + count * n_bytes:
                raise ValueError("it is cut, or no file of binned recordings")
            index = file.read(first - _HEAD.size)
            if zlib.crc32(index) != checksum:
                raise ValueError("its index is damaged")
            words = json.loads(index[count * _ROW.itemsize :])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, struct.error) as error:
        _log.warning("%s is binned anew: %s", path, error)
        _remove([path])
        return None
    return Part(path, np.frombuffer(index, _ROW, count), words, first)


class KeptFolder(NamedTuple):
    """What is kept of one data set, split and setting: name, files, their bytes, and the last use (s)."""

    name: str
    files: tuple[Path, ...]
    bytes: int
    used: float


def kept() -> list[KeptFolder]:
    """All that is kept, the last used first."""
    found = []
    for folder in cache_folder().glob("*/"):
        files = [(path, status) for path in folder.glob(f"*{_ENDING}") if (status := _status(path))]
        if files:
            used = max(status.st_mtime for _, status in files)
            size = sum(status.st_size for _, status in files)
            found.append(KeptFolder(folder.name, tuple(path for path, _ in files), size, used))
    return sorted(found, key=lambda one: -one.used)


def trim(most: int) -> None:
    """Remove files, those whose use is longest ago first, until ``most`` bytes are left."""
    files = [
        (status.st_mtime, status.st_size, path) for one in kept() for path in one.files if (status := _status(path))
    ]
    size = sum(size for _, size, _ in files)
    for _, of_file, path in sorted(files):
        if size <= most:
            return
        _remove([path])
        size -= of_file


def clear() -> int:
    """Remove all that is kept; how many bytes they were. A process that reads them bins again."""
    size = sum(one.bytes for one in kept())
    _remove(path for one in kept() for path in one.files)
    for folder in cache_folder().glob("*/"):
        sweep(folder)
        if not any(folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
    return size


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # another process removed it
        return None


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s cannot be removed: %s", path, error)
