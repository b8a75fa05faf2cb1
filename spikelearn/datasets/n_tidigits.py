"""N-TIDIGITS18: spoken digits through a silicon cochlea."""

from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS, Split
from spikelearn.datasets.recorded_files import Item, RecordedFiles, fetch_archives
from spikelearn.recordings.readers.base import microseconds, structured
from spikelearn.recordings.readers.hdf5 import opened, read_array

FILE = "NTIDIGITS18/n-tidigits.hdf5"

#: Digits in the order of the class numbers; "o" and "z" are the two words for 0.
DIGITS = "o123456789z"

_ARCHIVE = Archive(
    "n-tidigits.hdf5",
    "360a2d11e5429555c9197381cf6b58e0",
    "https://www.dropbox.com/scl/fi/1x4lxt9yyw25sc3tez8oi/n-tidigits.hdf5?e=2&rlkey=w8gi5udvib2zqzosusa5tr3wq&dl=1",
    into="NTIDIGITS18",
)


@DATASETS.register("n-tidigits")
class NTIDigits(RecordedFiles):
    """2,464 training and 2,486 test recordings of one spoken digit each, 64 channels of a cochlea, eleven classes.

    Files: ``<root>/n-tidigits/NTIDIGITS18/n-tidigits.hdf5``, downloaded where it is missing. Of the recordings in
    it, those of several digits are left out.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x (channel 0 to 63), y 0, t (microseconds), p 0; binned [T, B, 1, 1, 64]; targets [N].

    Raises:
        ValueError: no file and no download, a damaged one, a recording that it lists and does not hold.

    Source: Anumula, Neil, Delbruck & Liu, Frontiers in Neuroscience 12, 2018.
    """

    classes = 11
    samples = (2464, 2486)
    shape = (1, 1, 64)
    sensor_size = (64, 1, 1)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        path = self.folder / FILE
        if not path.is_file():
            fetch_archives(self.folder, self.archives[split])
        try:
            self._names = _single_digits(path, split)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        self.take([Item(path, number, DIGITS.index(name[-1])) for number, name in enumerate(self._names)])

    def recording(self, index: int) -> Any:
        path, name = self.items[index].path, self._names[index]
        with opened(path) as file:
            times = read_array(file[f"{self.split}_timestamps/{name}"])
            channels = read_array(file[f"{self.split}_addresses/{name}"])
        return structured(channels, 0, microseconds(times, 1.0), 0)


def _single_digits(path: Path, split: str) -> list[str]:
    """Names of the recordings of one digit, such as ac-1b-3."""
    with opened(path) as file:
        labels = np.asarray(file[f"{split}_labels"][()])
        names = [label.decode() if isinstance(label, bytes) else str(label) for label in labels.ravel()]
    return [name for name in names if len(name.rpartition("-")[2]) == 1 and name[-1] in DIGITS]
