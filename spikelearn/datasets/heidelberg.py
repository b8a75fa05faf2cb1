"""The layout of the Heidelberg sets: one HDF5 file a split, with all recordings of a cochlea model's spikes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import Split
from spikelearn.datasets.recorded_files import Item, RecordedFiles, fetch_archives
from spikelearn.recordings.readers.hdf5 import opened, read_array


class HeidelbergSet(RecordedFiles):
    """Spikes of 700 units of a cochlea model, in one file a split: times (s), units, labels.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Raises:
        ValueError: no file and no download, a damaged one, labels that are no classes.
    """

    #: The published archives of each split.
    archives: ClassVar[Mapping[str, Sequence[Archive]]]
    #: {split: its file, below the folder of the data set}.
    files: ClassVar[Mapping[str, str]]
    shape = (1, 1, 700)
    sensor_size = (700, 1, 1)
    start = 0.0

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        path = self.folder / self.files[split]
        if not path.is_file():
            fetch_archives(self.folder, self.archives[split])
        try:
            labels = self._labels(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        self.take([Item(path, number, label) for number, label in enumerate(labels)])

    def _labels(self, path: Path) -> list[int]:
        with opened(path) as file:
            labels = read_array(file["labels"])
            if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(file["spikes/times"]):
                raise ValueError(f"it has labels {list(labels.shape)}, expected one for each of its recordings")
        wrong = np.flatnonzero((labels < 0) | (labels >= self.classes))
        if len(wrong):
            raise ValueError(f"recording {wrong[0]} has the label {labels[wrong[0]]}, expected 0 to {self.classes - 1}")
        return [int(label) for label in torch.from_numpy(labels.astype(np.int64))]
