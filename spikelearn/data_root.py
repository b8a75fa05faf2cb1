"""The folder in which data sets are looked for."""

import os
from pathlib import Path

import platformdirs

#: Environment variable that names the data root.
ROOT_VARIABLE = "SPIKELEARN_DATA"


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
