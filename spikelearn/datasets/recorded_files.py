"""Data sets whose samples are files of events, read through the one door."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch

from spikelearn.datasets.archives import Archive, get, is_there
from spikelearn.datasets.base import EventDataset, Split
from spikelearn.datasets.binned_cache import Stamp, stamp_of
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.root import ROOT_VARIABLE, remove_if_empty
from spikelearn.recordings.doubts import DataWarning
from spikelearn.recordings.readers import read_recording


class Item(NamedTuple):
    """A recording: its file, its number in it, and its class."""

    path: Path
    number: int
    target: int


class RecordedFiles(EventDataset):
    """Recordings of events in files, each read by the reader of its format when it is first binned.

    A data set of this kind finds its ``items``. What a reader mends is said once, with its count.
    """

    #: What ``read_recording`` needs to be told of the files.
    reading: Mapping[str, Any] = {}

    def __init__(self, split: Split, root: str | Path | None = None) -> None:
        super().__init__(split, root)
        self.items: list[Item] = []
        self._said = False
        self._mended: dict[int, str] = {}

    def take(self, items: Sequence[Item]) -> None:
        """The recordings of this split, in order."""
        self.items = list(items)
        self.targets = torch.tensor([item.target for item in items], dtype=torch.int64)
        self.provenance = Provenance(list(dict.fromkeys(item.path for item in items)))

    def recording(self, index: int) -> Any:
        path, number, _ = self.items[index]
        try:
            recording = read_recording(path, number=number, **self.reading)
        except ValueError as error:  # ``place`` names the file
            raise ValueError(str(error).removeprefix(f"{path}: ")) from error
        width, height, _ = self.sensor_size
        if recording.sensor is not None and self.checks_sensor and recording.sensor != (width, height):
            raise ValueError(
                f"it names a sensor of {recording.sensor[0]} x {recording.sensor[1]} pixels, expected {width} x "
                f"{height}: leave the file out, or say sensor_size (--data-option sensor=WxH)"
            )
        self._mended[index] = "; ".join(recording.repairs)
        if recording.repairs:
            self.say_mended(index, self._mended[index])
        return recording.events

    def stamp(self, index: int) -> Stamp | None:
        path, number, _ = self.items[index]
        try:
            return stamp_of(path, number)
        except OSError:  # reading it says what is wrong
            return None

    def mended(self, index: int) -> str:
        return self._mended.get(index, "")

    def say_mended(self, index: int, words: str) -> None:
        if not self._said:
            self._said = True
            warnings.warn(f"{self.place(index)}: {words}; of others it is not said", DataWarning, stacklevel=2)

    #: Whether a file that names another sensor is refused.
    checks_sensor: ClassVar[bool] = True

    def place(self, index: int) -> str:
        path, number, _ = self.items[index]
        return f"{super().place(index)}, {path}" + (f", recording {number}" if number else "")


class PublishedRecordings(RecordedFiles):
    """A published set of recordings, a file each, in class folders.

    A data set of this kind sets the class attributes below, and ``class_of`` where a folder's name is not its class.
    Hidden files are none of its recordings, and a part of the published files is enough.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.
    """

    #: The published archives of each split.
    archives: ClassVar[Mapping[str, Sequence[Archive]]]
    #: {split: its folder, below that of the data set}; the same for both where ``in_split`` parts them.
    folders: ClassVar[Mapping[str, str]]
    #: Endings of a recording's name, in lower case.
    suffixes: ClassVar[tuple[str, ...]]
    #: Names of the class folders, in the order of the class numbers.
    class_folders: ClassVar[Sequence[str]]

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        folder = self.folder / self.folders[split]
        if not folder.is_dir() or (not self.folders[split] and not self._found(folder)):
            fetch_archives(self.folder, self.archives[split])
        found = self._found(folder)
        items = [Item(path, 0, self.class_of(path, folder)) for path in found if self.in_split(path)]
        for item in items:
            self.check_file(item.path)
        if not items:
            raise ValueError(f"{folder} holds no recordings of the split {split}, expected {self.layout()}")
        self.take(items)

    def _found(self, folder: Path) -> list[Path]:
        """The files of recordings, by folder and name; a Mac lays a hidden file beside every file that it packs."""
        paths = folder.rglob("*") if folder.is_dir() else ()
        return sorted(
            path
            for path in paths
            if path.suffix.lower() in self.suffixes and not path.name.startswith(".") and path.is_file()
        )

    def check_file(self, path: Path) -> None:
        """Raise ValueError where a file cannot be a recording, without reading it whole."""

    def layout(self) -> str:
        """Where recordings are expected, in words."""
        return f"{self.folders[self.split] or self.folder.name}/<class>/*{self.suffixes[0]}"

    def class_of(self, path: Path, folder: Path) -> int:
        """The class number of a file."""
        name = path.parent.name
        if path.parent.parent != folder or name not in self.class_folders:
            raise ValueError(f"{path} lies in no class folder, expected {self.layout()}: move it, or delete it")
        return self.class_folders.index(name)

    def in_split(self, path: Path) -> bool:
        """Tell whether a file belongs to this split, where the published files are not parted."""
        return True


def fetch_archives(
    folder: Path, archives: Sequence[Archive], progress: Callable[[str, int, int | None], None] | None = None
) -> None:
    """Download and unpack the archives that are not there.

    Args:
        folder: that of the data set.
        archives: the archives.
        progress: told the archive's name, the bytes that are there, and bytes in all.

    Raises:
        ValueError: one that cannot be had; where to put it by hand is said.
    """
    for archive in archives:
        if is_there(folder, archive):
            continue
        try:
            name = archive.name
            get(folder, archive, None if progress is None else lambda there, of, name=name: progress(name, there, of))  # type: ignore[misc]
        except ValueError as error:
            remove_if_empty(folder / archive.into, folder)
            raise ValueError(
                f"{folder} lacks {archive.unpacks or archive.name}: {error}; or name the folder that holds "
                f"{folder.name} with --data-root or {ROOT_VARIABLE}"
            ) from error
