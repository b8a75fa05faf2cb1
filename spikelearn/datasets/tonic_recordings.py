"""Recordings of events that tonic downloads: files on the disk, a folder a class."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from spikelearn.datasets.base import EventDataset, Split
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.root import ROOT_VARIABLE, remove_if_empty


class TonicDataset(EventDataset):
    """A data set of event recordings, one a file, in the folders into which tonic unpacks it.

    A data set of this kind sets the class attributes below and reads one file (``read``). Files are found, and their
    sizes checked, when it is made; events are checked when they are binned. Hidden files are none of its recordings,
    and a part of the published files is enough.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Raises:
        ValueError: no recordings and no download, a file outside the class folders, what ``check_file`` refuses.
    """

    #: The class of ``tonic.datasets`` that downloads and unpacks the archives.
    tonic_class: ClassVar[str]
    #: {split: its folder, below that of the data set}.
    folders: ClassVar[Mapping[str, str]]
    #: Ending of a recording's name, in lower case.
    suffix: ClassVar[str]
    #: Names of the class folders, in the order of the class numbers.
    class_folders: ClassVar[Sequence[str]]

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        folder = self.folder / self.folders[split]
        if not folder.is_dir():
            self._download(folder)
        self._files = self._recordings(folder)
        if not self._files:
            raise ValueError(f"{folder} holds no recordings, expected {folder.name}/<class>/*{self.suffix}")
        self.provenance = Provenance(self._files)
        numbers = {name: number for number, name in enumerate(self.class_folders)}
        self.targets = torch.tensor([numbers[path.parent.name] for path in self._files])

    @abstractmethod
    def read(self, path: Path) -> Any:
        """The events of one file, as ``recording`` gives them.

        Raises:
            ValueError: a file that is damaged.
        """

    def check_file(self, path: Path) -> None:
        """Raise ValueError where a file cannot be a recording, without reading it whole."""

    def recording(self, index: int) -> Any:
        return self.read(self._files[index])

    def place(self, index: int) -> str:
        return f"{super().place(index)}, {self._files[index]}"

    def _download(self, folder: Path) -> None:
        """Fetch and unpack one split with tonic."""
        import tonic

        try:
            getattr(tonic.datasets, self.tonic_class)(save_to=str(self.folder), train=self.split == "train")
        except Exception as error:  # a download can fail in any way its protocol has
            remove_if_empty(folder.parent, self.folder)
            raise ValueError(
                f"{folder} does not exist and could not be downloaded ({type(error).__name__}): put the recordings "
                f"there, or name the folder that holds {folder.relative_to(self.folder.parent).parent} with "
                f"--data-root or {ROOT_VARIABLE}"
            ) from error

    def _recordings(self, folder: Path) -> list[Path]:
        """The files of all recordings, by class and name."""
        files = []
        for path in folder.rglob("*"):
            # A Mac lays a hidden file beside every file that it packs.
            if path.suffix.lower() != self.suffix or path.name.startswith(".") or not path.is_file():
                continue
            place = path.relative_to(folder).parts
            if len(place) != 2 or place[0] not in self.class_folders:
                first, last = self.class_folders[0], self.class_folders[-1]
                raise ValueError(
                    f"{path} lies in no class folder, expected {folder}/<{first} to {last}>/*{self.suffix}: move it, "
                    "or delete it"
                )
            self.check_file(path)
            files.append(path)
        return sorted(files)
