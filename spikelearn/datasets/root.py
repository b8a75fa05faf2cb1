"""Folders of data sets, and downloads of missing files."""

import logging
from collections.abc import Sequence
from pathlib import Path

from spikelearn.data_root import ROOT_VARIABLE, data_root, written_out

__all__ = ["ROOT_VARIABLE", "data_root", "fetch", "remove_if_empty", "written_out"]

_log = logging.getLogger(__name__)


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
