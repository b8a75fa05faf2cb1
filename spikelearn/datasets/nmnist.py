"""N-MNIST: MNIST seen by an event camera, read by tonic."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikelearn.checks import check_flag, check_positive
from spikelearn.datasets.base import DATASETS, EventDataset, Split
from spikelearn.datasets.root import ROOT_VARIABLE, remove_if_empty

#: Duration of a saccade, microseconds.
SACCADE = 105e3

CURE = "restore the file from the published archive, or delete it to leave the sample out"


@DATASETS.register("nmnist")
class NMNIST(EventDataset):
    """60,000 training and 10,000 test recordings of an event camera in front of MNIST digits, 34x34 pixels.

    Files: ``<root>/nmnist/NMNIST/{Train,Test}/<digit>/*.bin``; a part of them is enough. Where the folder is missing,
    tonic downloads and unpacks the archives. Three saccades of 105 ms; bins divide a recording's own duration unless
    their width is given.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.
        stabilised: undo the drift of the three saccades: a digit stays where it is, events that leave the sensor are
            dropped.
        bin_width: width of a bin, seconds, counted from the recording's start, later events being left out; 0: T bins
            divide the whole recording. With 3 ms, T = 30 sees most of the first saccade, as TSSL-BP and IDE do.

    Shapes: recordings are structured arrays x, y (pixels), t (microseconds), p; binned [T, B, 2, 34, 34]; targets [N].

    Raises:
        ValueError: no recordings and no download, a folder that is no digit, a file that is empty, cut short or not
            of this sensor; a bin width below 0.

    Source: Orchard, Jayawant, Cohen & Thakor, Frontiers in Neuroscience 9, 2015; the drift and the 3 ms bins as in the
    converter of Zhang & Li, NeurIPS 2020. deviation: theirs leaves the last of the T bins empty.
    """

    classes = 10
    shape = (2, 34, 34)
    sensor_size = (34, 34, 2)

    def __init__(
        self,
        split: Split = "train",
        root: str | Path | None = None,
        *,
        stabilised: bool = False,
        bin_width: float = 0.0,
    ) -> None:
        super().__init__(split, root)
        check_flag("stabilised", stabilised)
        if bin_width != 0.0:
            check_positive("bin_width", bin_width, "s")
        self.stabilised, self.bin_width = stabilised, bin_width or None
        folder = self.folder / "NMNIST" / split.capitalize()
        if folder.is_dir():
            _check_files(folder)
        self._tonic = _open(self.folder, split, complete=not folder.is_dir())
        if not self._tonic.targets:
            raise ValueError(f"{folder} holds no recordings, expected {folder.name}/<digit>/*.bin")
        self.targets = torch.tensor(self._tonic.targets)

    def place(self, index: int) -> str:
        return str(self._tonic.data[index])

    def recording(self, index: int) -> np.ndarray:
        events: np.ndarray = self._tonic[index][0]
        width, height, _ = self.sensor_size
        if len(events) == 0 or events["x"].max() >= width or events["y"].max() >= height:
            raise ValueError(f"it has events outside the {width} x {height} sensor: it is damaged; {CURE}")
        if np.any(np.diff(events["t"]) < 0):
            raise ValueError(f"it has times that decrease: it is damaged; {CURE}")
        return stabilise(events, width, height) if self.stabilised else events


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


def _open(folder: Path, split: Split, *, complete: bool) -> Any:
    """tonic's reader; with ``complete`` it may download, else it takes what is there."""
    import tonic

    readers = {
        True: tonic.datasets.NMNIST,
        # tonic takes the folder's name from the class's name, and a partial copy for a missing one.
        False: type("NMNIST", (tonic.datasets.NMNIST,), {"_check_exists": lambda _: True}),
    }
    try:
        return readers[complete](save_to=str(folder), train=split == "train")
    except Exception as error:  # a download can fail in any way its protocol has
        remove_if_empty(folder / "NMNIST", folder)
        raise ValueError(
            f"{folder / 'NMNIST' / split.capitalize()} does not exist and could not be downloaded "
            f"({type(error).__name__}): put the recordings there, or name the folder that holds nmnist/NMNIST with "
            f"--data-root or {ROOT_VARIABLE}"
        ) from error


def _check_files(folder: Path) -> None:
    """Raise ValueError where a recording lies in no class folder, is empty or cut short: before anything is trained."""
    for path in sorted(folder.rglob("*.bin")):
        place = path.relative_to(folder).parts
        if len(place) != 2 or place[0] not in list("0123456789"):
            raise ValueError(f"{path} lies in no class folder, expected {folder}/<0 to 9>/*.bin: move it, or delete it")
        size = path.stat().st_size
        if size == 0 or size % 5:
            found = "is empty" if size == 0 else f"has {size} bytes, expected a multiple of 5: it is cut short"
            raise ValueError(f"{path} {found}; {CURE}")
