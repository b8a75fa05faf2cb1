"""N-MNIST: MNIST seen by an event camera."""

from pathlib import Path

import numpy as np

from spikelearn.checks import check_flag, check_positive
from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS, Split
from spikelearn.datasets.recorded_files import PublishedRecordings
from spikelearn.recordings.events import as_events
from spikelearn.recordings.readers.nmnist_bin import check_size, nmnist_events

_PUBLISHED = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"

#: Duration of a saccade, microseconds.
SACCADE = 105e3


@DATASETS.register("nmnist")
class NMNIST(PublishedRecordings):
    """60,000 training and 10,000 test recordings of an event camera in front of MNIST digits, 34x34 pixels.

    Files: ``<root>/nmnist/NMNIST/{Train,Test}/<digit>/*.bin``; a part of them is enough, and hidden files are none.
    Where the folder is missing, the archives are downloaded and unpacked. Three saccades of 105 ms; bins divide a
    recording's own duration unless their width is given.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.
        stabilised: undo the drift of the three saccades: a digit stays where it is, events that leave the sensor are
            dropped.
        bin_width: width of a bin, seconds, counted from time 0 of the recording, later events being left out; 0: T bins
            divide the whole recording. With 3 ms, T = 30 sees most of the first saccade, as TSSL-BP and IDE do.

    Shapes: recordings are structured arrays x, y (pixels), t (microseconds), p; binned [T, B, 2, 34, 34]; targets [N].

    Raises:
        ValueError: no recordings and no download, a folder that is no digit, a file that is empty, cut short, too long
            or not of this sensor; a bin width below 0.

    Source: Orchard, Jayawant, Cohen & Thakor, Frontiers in Neuroscience 9, 2015; the drift and the 3 ms bins as in the
    converter of Zhang & Li, NeurIPS 2020. deviation: theirs leaves the last of the T bins empty.
    """

    samples = (60_000, 10_000)
    licence = "CC BY-SA 4.0"
    classes = 10
    shape = (2, 34, 34)
    sensor_size = (34, 34, 2)
    start = 0.0
    in_order = True
    archives = {
        "train": (
            Archive(
                "train.zip",
                "20959b8e626244a1b502305a9e6e2031",
                f"{_PUBLISHED}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
                "Train",
                "NMNIST",
                6 << 30,
            ),
        ),
        "test": (
            Archive(
                "test.zip",
                "69ca8762b2fe404d9b9bad1103e97832",
                f"{_PUBLISHED}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
                "Test",
                "NMNIST",
                1 << 30,
            ),
        ),
    }
    folders = {"train": "NMNIST/Train", "test": "NMNIST/Test"}
    suffixes = (".bin",)
    class_folders = tuple("0123456789")

    def __init__(
        self,
        split: Split = "train",
        root: str | Path | None = None,
        *,
        stabilised: bool = False,
        bin_width: float = 0.0,
    ) -> None:
        check_flag("stabilised", stabilised)
        if bin_width != 0.0:
            check_positive("bin_width", bin_width, "s")
        super().__init__(split, root)
        self.stabilised, self.bin_width = stabilised, bin_width or None

    def check_file(self, path: Path) -> None:
        check_size(path)

    def recording(self, index: int) -> np.ndarray:
        events = nmnist_events(self.items[index].path)
        if not self.stabilised:
            return events
        width, height, _ = self.sensor_size
        as_events(events, self.sensor_size, in_order=True)  # what lies outside may be moved inside
        return stabilise(events, width, height)


def stabilise(events: np.ndarray, width: int, height: int) -> np.ndarray:
    """Events with the drift of the three saccades undone; those that land outside the sensor are dropped."""
    t = events["t"] / SACCADE
    second, third = t - 1.0, t - 2.0
    drift_x = np.select([t <= 1, t <= 2], [3.5 * t, 3.5 + 3.5 * second], 7.0 - 7.0 * third)
    drift_y = np.select([t <= 1, t <= 2], [7.0 * t, 7.0 - 7.0 * second], 0.0)
    x, y = np.rint(events["x"] - drift_x), np.rint(events["y"] - drift_y)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    kept = events[inside].copy()
    kept["x"], kept["y"] = x[inside], y[inside]
    return kept
