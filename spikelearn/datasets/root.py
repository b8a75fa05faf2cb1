"""Folders of data sets, and downloads of missing files."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

#: Environment variable that names the data root.
ROOT_VARIABLE = "SPIKELEARN_DATA"

_log = logging.getLogger(__name__)


def data_root(given: str | Path | None = None) -> Path:
    """The data root: ``given``, else the environment variable, else the platform's user data folder.

    Raises:
        ValueError: a root that was named, but is not a folder.
    """
    if given is not None:
        return _folder(given, "the data root that was given")
    named = os.environ.get(ROOT_VARIABLE)
    if named:
        return _folder(named, f"the data root of the environment variable {ROOT_VARIABLE}")
    return Path(platformdirs.user_data_path("spikelearn"))


def fetch(path: Path, mirrors: Sequence[str], md5: str) -> Path:
    """``path`` itself where it exists, else downloaded from the first mirror that answers with the right checksum.

    A file that is there is never replaced. A download goes to a temporary name and is renamed when its checksum is
    right.

    Args:
        path: where the file belongs.
        mirrors: addresses of folders that hold a file of this name, tried in order.
        md5: checksum of the published file.

    Raises:
        ValueError: no mirror gave the right file; what was tried is named.
    """
    if path.exists():
        return path
    import pooch

    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(
                url=f"{mirror.rstrip('/')}/{path.name}", known_hash=f"md5:{md5}", fname=path.name, path=path.parent
            )
        except Exception as error:  # a mirror can fail in any way its protocol has
            failures.append(f"{mirror}: {type(error).__name__}")
            _log.info("download of %s from %s failed: %s", path.name, mirror, error)
        else:
            return path
    remove_if_empty(path.parent)
    raise ValueError(
        f"{path} does not exist and could not be downloaded ({'; '.join(failures)}): put the file there, or name the "
        f"folder that holds {path.parent.name}/{path.name} with --data-root or {ROOT_VARIABLE}"
    )


def remove_if_empty(*folders: Path) -> None:
    """Remove folders that a failed download made, in the order given, where nothing is in them."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def written_out(given: str | Path, what: str) -> Path:
    """A path with ``~`` replaced.

    Raises:
        ValueError: an empty path, or the home folder of somebody unknown; ``what`` names the path in the message.
    """
    if not str(given):
        raise ValueError(f"{what} is '', which is not a folder: name the folder that holds the data")
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{what} is {given}, whose home folder is not known: write the path out") from error


def _folder(given: str | Path, what: str) -> Path:
    path = written_out(given, what)
    if not path.is_dir():
        raise ValueError(
            f"{what} is {str(given)!r}, which is not a folder: create it, or name the folder that holds the data"
        )
    return path
