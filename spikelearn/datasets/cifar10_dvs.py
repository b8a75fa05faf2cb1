"""CIFAR10-DVS: CIFAR-10 seen by an event camera."""

import re
from pathlib import Path

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.recorded_files import PublishedRecordings

#: The number in the name of a recording from which on it belongs to the test.
TEST_FROM = 900

_ARCHIVE = Archive(
    "CIFAR10DVS.zip",
    "ce3a4a0682dc0943703bd8f749a7701c",
    "https://figshare.com/ndownloader/files/38023437",
    "airplane",
    "CIFAR10DVS",
    inner=True,
)


@DATASETS.register("cifar10-dvs")
class CIFAR10DVS(PublishedRecordings):
    """9,000 training and 1,000 test recordings of moved photographs, 128x128 pixels, in ten balanced classes.

    Files: ``<root>/cifar10-dvs/CIFAR10DVS/<class>/cifar10_<class>_<number>.aedat4``. The data have no split of their
    own: of every class, the numbers 0 to 899 are for training here and 900 to 999 for the test, in parts of the
    files too.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, 128, 128]; targets [N].

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.

    Source: Li, Liu, Ji, Li & Shi, Frontiers in Neuroscience 11, 2017.
    """

    classes = 10
    samples = (9000, 1000)
    licence = "CC BY 4.0"
    shape = (2, 128, 128)
    sensor_size = (128, 128, 2)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}
    folders = {"train": "CIFAR10DVS", "test": "CIFAR10DVS"}
    suffixes = (".aedat4",)
    class_folders = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def in_split(self, path: Path) -> bool:
        number = re.search(r"(\d+)$", path.stem)
        if number is None:
            raise ValueError(f"{path} has no number in its name, by which the splits are parted: name it as published")
        return (int(number[1]) >= TEST_FROM) == (self.split == "test")
