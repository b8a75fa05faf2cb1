"""Published archives of data sets: downloads that can be cut, checksums, and unpacking that stays in its folder."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from spikelearn.datasets.provenance import md5_of
from spikelearn.files import TEMPORARY

#: Bytes that are read at a time.
CHUNK = 1 << 20

#: Seconds without an answer after which a download is given up.
PATIENCE = 30.0

#: What a download tells of itself: bytes that are there, and bytes in all (None: not known).
Progress = Callable[[int, int | None], None]


class Archive(NamedTuple):
    """A published file of a data set.

    Args:
        name: its file name.
        md5: checksum of the published file.
        url: address; empty: it is handed out by hand, from the page ``page``.
        unpacks: folder or file that it holds; empty: it is read as it is.
        into: folder, below that of the data set, in which it lies and is unpacked.
        most: bytes that it may unpack to.
        inner: whether it holds further archives, which are unpacked beside each other.
        page: page that tells where it is to be had.
    """

    name: str
    md5: str
    url: str = ""
    unpacks: str = ""
    into: str = ""
    most: int = 16 << 30
    inner: bool = False
    page: str = ""


def is_there(folder: Path, archive: Archive) -> bool:
    """True if an archive, or what it unpacks to, is on the disk."""
    return (folder / archive.into / (archive.unpacks or archive.name)).exists()


def get(folder: Path, archive: Archive, progress: Progress | None = None) -> Path:
    """What an archive unpacks to, or itself, downloaded and unpacked where it is missing.

    Args:
        folder: that of the data set.
        archive: the archive.
        progress: told of the bytes that are there.

    Raises:
        ValueError: no address and no file, a download that fails, another checksum, an archive that is refused.
    """
    folder = folder / archive.into
    wanted, path = folder / (archive.unpacks or archive.name), folder / archive.name
    if wanted.exists():
        return wanted
    if not path.exists():
        download(archive, path, progress)
    elif (md5 := md5_of(path)) != archive.md5:
        raise ValueError(
            f"{path} has the md5 {md5}, expected {archive.md5}: it is damaged, cut short or another archive; delete it "
            "to download it again, or restore the published file"
        )
    if archive.unpacks:
        unpack(path, folder, archive.most, inner=archive.inner)
        if not wanted.exists():
            raise ValueError(f"{path} was unpacked, but holds no {archive.unpacks}: it is another archive")
    return wanted


def download(archive: Archive, path: Path, progress: Progress | None = None) -> None:
    """Download to ``path``; one that was cut goes on where it ended.

    What has come lies in ``<name>.partial`` beside it, and is renamed when its checksum is right.

    Raises:
        ValueError: no address, no answer, or another checksum than the published one.
    """
    if not archive.url:
        raise ValueError(
            f"{path} does not exist, and is not for download by programs: get {archive.name} from {archive.page} and "
            f"put it into {path.parent}"
        )
    partial = path.with_name(f"{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(archive.url, partial, progress)
    except (OSError, urllib.error.URLError, ValueError) as error:
        there = partial.stat().st_size if partial.exists() else 0
        if there == 0:
            partial.unlink(missing_ok=True)
        cure = f"{there} bytes are kept in {partial.name}, and go on when it is asked for again" if there else ""
        raise ValueError(
            f"{path.name} could not be downloaded from {archive.url} ({type(error).__name__}: {error}): "
            f"{cure or 'try again'}, or put it into {path.parent}"
        ) from error
    md5 = _md5(partial)
    if md5 != archive.md5:
        partial.unlink()
        raise ValueError(
            f"{archive.url} gave a file with the md5 {md5}, expected {archive.md5}, which was deleted: try again, or "
            f"put the published {path.name} into {path.parent}"
        )
    partial.replace(path)


def _fetch(url: str, partial: Path, progress: Progress | None) -> None:
    there = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "spikelearn"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code == 416 and there:  # all of it was there already
            return
        raise
    with answer:
        if there and answer.status != 206:  # the server begins anew
            there = 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length and length.isdigit() else None
        with partial.open("ab" if there else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                there += len(chunk)
                if progress is not None:
                    progress(there, total)
    if total is not None and there < total:
        raise OSError(f"it ended after {there} of {total} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


class _Member(NamedTuple):
    """A file in an archive."""

    name: str
    size: int
    read: Callable[[], IO[bytes] | None]


def unpack(path: Path, folder: Path, most: int, *, inner: bool = False) -> None:
    """Unpack a zip or tar archive into ``folder``; files that are there are left as they are.

    All is unpacked beside ``folder``'s own first, and moved into it when it is whole.

    Args:
        path: the archive.
        folder: where it is unpacked.
        most: bytes that it may unpack to.
        inner: whether zip archives in it are unpacked too.

    Raises:
        ValueError: a damaged archive, one with a name outside the folder or anything but files and folders, or one that
            unpacks to more than ``most`` bytes or than the disk has left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=TEMPORARY) as made:
        place = Path(made)
        left = _unpack_one(path, place, most)
        if inner:
            for packed in sorted(place.rglob("*.zip")):
                left = _unpack_one(packed, packed.parent, left)
                packed.unlink()
        _move(place, folder)


def _unpack_one(path: Path, place: Path, most: int) -> int:
    """Unpack one archive; the bytes that may still be unpacked."""
    try:
        for member in _members(path, most):
            target = place / _inside(member.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = member.read()
            if source is None:
                raise ValueError(f"{member.name} cannot be read")
            with source, target.open("wb") as file:
                written = 0
                while chunk := source.read(CHUNK):
                    written += len(chunk)
                    if written > member.size:
                        raise ValueError(f"{member.name} holds more than the {member.size} bytes that it declares")
                    file.write(chunk)
            most -= written
    except ValueError as error:
        raise ValueError(f"{path} is refused: {error}; nothing was unpacked") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); nothing was unpacked") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path} is damaged or cut short ({error}); nothing was unpacked") from error
    return most


def _members(path: Path, most: int) -> Iterator[_Member]:
    """The files of an archive; all names and sizes of a zip are looked at first."""
    room = shutil.disk_usage(path.parent).free
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            infos = [info for info in packed.infolist() if not info.is_dir()]
            for info in infos:
                _inside(info.filename)
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise ValueError(f"{info.filename} is a link")
            _check_size(sum(info.file_size for info in infos), most, room)
            for info in infos:
                yield _Member(info.filename, info.file_size, lambda info=info: packed.open(info))  # type: ignore[misc]
        return
    declared = 0
    with tarfile.open(path) as tape:
        for entry in tape:
            if entry.isdir():
                continue
            if not entry.isfile():
                raise ValueError(f"{entry.name} is a link or a device")
            declared += entry.size
            _check_size(declared, most, room)
            yield _Member(entry.name, entry.size, lambda entry=entry: tape.extractfile(entry))  # type: ignore[misc]


def _check_size(declared: int, most: int, room: int) -> None:
    if declared > most:
        raise ValueError(f"it unpacks to {declared} bytes or more, expected at most {most}")
    if declared > room:
        raise ValueError(f"it unpacks to {declared} bytes or more, but the disk has {room} left")


def _inside(name: str) -> Path:
    """A name in an archive as a path below the folder; ValueError where it leads outside."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0] or "\0" in name:
        raise ValueError(f"{name!r} lies outside the folder that it is unpacked into")
    return Path(*parts)


def _move(source: Path, target: Path) -> None:
    """Move what is in one folder into another; what is there stays."""
    for entry in sorted(source.iterdir()):
        there = target / entry.name
        if entry.is_dir() and there.is_dir():
            _move(entry, there)
        elif not there.exists():
            os.replace(entry, there)
