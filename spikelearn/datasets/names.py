"""Data sets by name: registered ones, and files of one's own, such as file:PATH.npz or folder:PATH."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.datasets.array_file import ArrayFile
from spikelearn.datasets.base import DATASETS, Dataset, Split
from spikelearn.datasets.folder import RecordingsFolder, recording_files
from spikelearn.datasets.idx import IdxFolder, idx_files
from spikelearn.datasets.images_folder import ImagesFolder, picture_files
from spikelearn.datasets.provenance import md5_of
from spikelearn.datasets.root import data_root, written_out
from spikelearn.datasets.video import VideoFolder, video_files
from spikelearn.registry import Registry
from spikelearn.unpacking import existing

#: What reads files of one's own, by the word before the colon.
OWN = Registry[Dataset]("kind of files")
OWN.register("idx")(IdxFolder)
OWN.register("file")(ArrayFile)
OWN.register("folder")(RecordingsFolder)
OWN.register("images")(ImagesFolder)
OWN.register("video")(VideoFolder)

#: What lists the files of data that lie in folders of classes.
_IN_FOLDERS = {"folder": recording_files, "images": picture_files, "video": video_files}

HOW = (
    "files of your own are named idx:FOLDER (IDX files as MNIST's), file:PATH.npz (arrays x_train, y_train, x_test and "
    "y_test, or data and targets), folder:PATH (recordings of events, a folder a class), images:PATH (pictures, a "
    "folder a class) or video:PATH (videos as events, a folder a class)"
)


def full_name(name: str) -> str:
    """The name of a data set, a path in it written out, so that it means the same from every folder.

    Raises:
        ValueError: an unknown data set; how one's own is named is said.
    """
    if name in DATASETS:
        return name
    word, _, path = name.partition(":")
    if not _is_own(name):
        raise ValueError(f"unknown data set {name!r}, expected {DATASETS.expected(name)}; {HOW}")
    return f"{word}:{written_out(path, f'the path of data set {name!r}').resolve()}"


def _is_own(name: str) -> bool:
    word, colon, _ = name.partition(":")
    return bool(colon) and word in OWN


def short_name(name: str) -> str:
    """A name that can be a file's: ``idx-kmnist`` of ``idx:/data/kmnist``."""
    word, colon, path = name.partition(":")
    return f"{word}-{re.sub(r'[^A-Za-z0-9._-]+', '-', Path(path).stem).strip('.-')}" if colon else name


def kind_of(name: str) -> type[Dataset]:
    """The class of a data set; raises ValueError on an unknown one."""
    return OWN.get(name.partition(":")[0]) if _is_own(name) else DATASETS.get(name)


def open_dataset(name: str, split: Split, root: str | Path | None, options: Mapping[str, Any]) -> Dataset:
    """One split of a data set.

    Args:
        name: as ``full_name`` gives it.
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder. Not used for files of one's own.
        options: those of its class.

    Raises:
        ValueError: an unknown option, or data that cannot be used.
    """
    kind = kind_of(name)
    if _is_own(name):
        place: dict[str, Any] = {"path": name.partition(":")[2]}
    else:
        there = None if kind.bundled else data_root(root).resolve()
        place = {"root": str(there) if there is not None and there.is_dir() else None}
    for option in ("split", *place):
        if option in options:
            raise ValueError(f"data set {name!r} has no option {option!r}: drop it; a root is --data-root")
    return DATASETS.build(name, {"split": split, **place, **options}, make=kind)


def checksums_of(name: str) -> dict[str, str]:
    """{file: md5} of files of one's own; empty for other data sets, whose files are those that were published.

    Files in folders of classes have one checksum together, under the name of the folder.
    """
    files = _files_of(name)
    word, _, path = name.partition(":")
    if word not in _IN_FOLDERS or not files:
        return {file.name: md5_of(file) for file in files}
    lines = (f"{md5_of(file)}  {file.relative_to(path)}\n" for file in files)
    return {f"{Path(path).name}/": hashlib.md5("".join(lines).encode()).hexdigest()}


def stamp_of(name: str) -> tuple[object, ...]:
    """A stamp of files of one's own, which changes when they are rewritten; empty for other data sets."""
    return tuple((path.name, s.st_size, s.st_mtime_ns, s.st_ino) for path in _files_of(name) for s in [path.stat()])


def _files_of(name: str) -> list[Path]:
    word, _, path = name.partition(":")
    if word == "idx":
        return idx_files(Path(path))
    if word in _IN_FOLDERS and _is_own(name):
        return _IN_FOLDERS[word](Path(path))
    return [existing(Path(path))] if word == "file" else []
