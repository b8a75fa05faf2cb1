"""Which files a data set was read from, their checksums, and whether they are the published ones."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from spikelearn.files import write_atomically
from spikelearn.recordings.doubts import DataWarning

#: Bytes from which a file's checksum is kept on the disk: smaller files are read again as fast.
KEPT_FROM = 16 << 20

#: Files up to which each is named with its checksum; more have one checksum together.
NAMED = 16


class Provenance:
    """The files that one split of a data set was read from.

    Args:
        files: in the order in which they were read.
        published: {name: md5 of the published file}; empty: nothing is published of these files.
    """

    def __init__(self, files: Sequence[Path] = (), published: Mapping[str, str] | None = None) -> None:
        self.files, self.published = tuple(files), dict(published or {})

    def record(self) -> dict[str, Any]:
        """Plain values: ``files``, {name: md5} or their number with one ``md5`` for all; ``published``, or null."""
        md5s = {path: md5_of(path) for path in self.files}
        same = all(self.published.get(path.name) == md5 for path, md5 in md5s.items()) if self.published else None
        if len(md5s) <= NAMED:
            return {"files": {path.name: md5 for path, md5 in md5s.items()}, "published": same}
        lines = (f"{md5}  {path.parent.name}/{path.name}\n" for path, md5 in md5s.items())
        return {"files": len(md5s), "md5": hashlib.md5("".join(lines).encode()).hexdigest(), "published": same}

    def warn(self) -> None:
        """Warn of every file whose checksum is not the published one."""
        for path in self.files:
            expected = self.published.get(path.name)
            if expected is not None and (md5 := md5_of(path)) != expected:
                warnings.warn(
                    f"{path} is not the published file (its md5 is {md5}, that of the published one {expected})",
                    DataWarning,
                    stacklevel=4,
                )


def md5_of(path: Path) -> str:
    """The md5 of a file; of a large one it is kept until its size, times or place on the disk change."""
    status = path.stat()
    if status.st_size < KEPT_FROM:
        return _md5(path)
    stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    name, kept = str(path.resolve()), _kept()
    entry = kept.get(name)
    if isinstance(entry, dict) and entry.get("stamp") == stamp and isinstance(entry.get("md5"), str):
        return str(entry["md5"])
    md5 = _md5(path)
    with suppress(OSError, ValueError):  # where it cannot be kept, it is computed again
        write_atomically(_cache(), json.dumps({**kept, name: {"stamp": stamp, "md5": md5}}, indent=1).encode())
    return md5


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _kept() -> dict[str, Any]:
    try:
        cache = json.loads(_cache().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cache if isinstance(cache, dict) else {}


def _cache() -> Path:
    return Path(platformdirs.user_cache_path("spikelearn")) / "md5.json"
