"""Atomic file writes: a file is whole, or as it was before."""

import errno
import hashlib
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: How the names of files begin that are being written; the machine and the process that write them follow.
TEMPORARY = ".part-"

#: Seconds after which a file that is still being written was left behind, whoever wrote it.
LEFT_BEHIND = 86_400.0

_OWNER = re.compile(rf"{re.escape(TEMPORARY)}(?P<machine>.*)\.(?P<process>\d+)\.[^.]*(\..*)?")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; on leaving without an error the file there takes ``path``'s place.

    A reader sees the old file or the new one, never a part. What a killed process left half-written there is removed.

    Raises:
        ValueError: ``path`` is a folder.
        OSError: the folder cannot be written or the disk is full, with the name ``path``; it is as it was.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_no_folder(path)
        sweep(path.parent)
        prefix = f"{TEMPORARY}{_machine()}.{os.getpid()}."
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` as ``replacing`` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def check_writable(path: Path) -> None:
    """Raise where no file could be written at ``path``, before the work whose result it is to hold; writes nothing.

    Raises:
        ValueError: ``path`` is a folder, or its folder cannot be made or written in.
    """
    _check_no_folder(path)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{path} cannot be written: {folder} is no folder in which files can be made")


def _check_no_folder(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected the name of a file")


def append(path: Path, content: bytes) -> None:
    """Add ``content`` at the end of ``path``, and have it on the disk before returning."""
    with naming(path), path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sweep(folder: Path) -> None:
    """Remove what writers that are no more left half-written in ``folder``."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY) and _is_left(entry):
                Path(entry.path).unlink(missing_ok=True)


def digest_of(path: Path) -> str | None:
    """The sha256 of a file, in hexadecimal digits; None where there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have the errors of the operating system inside name ``path``: a full disk names no file, others a temporary."""
    try:
        yield
    except OSError as error:
        words = str(error)
        # A library's own error has the number and the words of the system, if at all, in its message.
        number = error.errno or next((n for n in (errno.ENOSPC, errno.EFBIG) if os.strerror(n) in words), None)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def _is_left(entry: os.DirEntry[str]) -> bool:
    owner = _OWNER.fullmatch(entry.name)
    if owner and owner["machine"] == _machine() and not _runs(int(owner["process"])):
        return True
    try:
        return time.time() - entry.stat().st_mtime > LEFT_BEHIND
    except OSError:  # it was finished meanwhile
        return False


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    try:  # the dead whom nobody has buried yet have a number, too
        return not Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except OSError:
        return True


def _machine() -> str:
    """The machine's name, as far as file names take it."""
    return re.sub(r"[^\w-]", "-", socket.gethostname(), flags=re.ASCII)[:32]
