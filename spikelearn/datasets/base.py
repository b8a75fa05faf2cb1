"""What a data set offers: class numbers, and the inputs of any of its samples as [T, B, ...]."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.datasets.root import data_root
from spikelearn.registry import Registry

DATASETS: Registry[type["Dataset"]] = Registry("data set")

Split = Literal["train", "test"]

#: Bytes of binned recordings, a bit an entry, that an event data set keeps; what goes beyond is binned anew each time.
KEPT_BYTES = 2 << 30


class Dataset(ABC):
    """One split of a data set.

    Args:
        split: "train" or "test".
        root: data root; None: the environment variable's, or the user's data folder. Unused by bundled data.
    """

    #: Number of classes.
    classes: ClassVar[int]
    #: Shape of one image or one time bin, (channels or polarities, H, W).
    shape: ClassVar[tuple[int, int, int]]
    #: Whether samples are recordings of events; else they are still images, and need an encoder.
    events: ClassVar[bool]
    #: Whether it comes with an installed package, so that nothing is looked for in the data root.
    bundled: ClassVar[bool] = False
    #: Class number of every sample, int64 [N].
    targets: Tensor

    def __init__(self, split: Split, root: str | Path | None = None) -> None:
        check_choice("split", split, ("train", "test"))
        self.split: Split = split
        self.root = root

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def folder(self) -> Path:
        """This data set's folder below the data root."""
        return data_root(self.root) / DATASETS.name_of(type(self))


class ImageDataset(Dataset):
    """Still images, all in memory: ``images`` [N, C, H, W], intensity in [0, 1] or uint8 in 0..255."""

    events = False
    images: Tensor

    def pixels(self, indices: Tensor) -> Tensor:
        """Images of the samples, intensity in [0, 1], [B, C, H, W]."""
        chosen = self.images[indices]
        return chosen.float() / 255.0 if chosen.dtype == torch.uint8 else chosen


class EventDataset(Dataset):
    """Recordings of events, binned when they are first asked for and kept as bits."""

    events = True
    #: Sensor width, height and polarities, as tonic orders them.
    sensor_size: ClassVar[tuple[int, int, int]]
    #: Width of a bin, seconds, counted from the recording's start; None: bins divide its duration.
    bin_width: float | None = None

    def __init__(self, split: Split, root: str | Path | None = None) -> None:
        super().__init__(split, root)
        self._kept: dict[tuple[int, int], np.ndarray] = {}
        self._kept_bytes = 0

    @abstractmethod
    def recording(self, index: int) -> np.ndarray:
        """Events of one sample, a structured array with x, y (pixels), t (microseconds) and p (0 OFF, 1 ON)."""

    def place(self, index: int) -> str:
        """Where a sample comes from, for messages."""
        return f"{DATASETS.name_of(type(self))}, {self.split} sample {index}"

    def frames(self, indices: Sequence[int], n_steps: int) -> Tensor:
        """Recordings binned into ``n_steps`` time bins, bytes of 0 or 1 per pixel and polarity, [T, B, P, H, W]."""
        frames = torch.empty(n_steps, len(indices), *reversed(self.sensor_size), dtype=torch.uint8)
        for place, index in enumerate(indices):
            frames[:, place] = self._binned(int(index), n_steps)
        return frames

    def _binned(self, index: int, n_steps: int) -> Tensor:
        key = (index, n_steps)
        if key in self._kept:
            bits = np.unpackbits(self._kept[key], count=n_steps * math.prod(self.sensor_size))
            return torch.from_numpy(bits).view(n_steps, *reversed(self.sensor_size))
        try:
            if self.bin_width is None:
                binned = bin_events(self.recording(index), self.sensor_size, n_steps)
            else:
                binned = bin_by_width(self.recording(index), self.sensor_size, n_steps, self.bin_width)
        except ValueError as error:
            raise ValueError(f"{self.place(index)}: {error}") from error
        bits = np.packbits(binned.numpy())
        if self._kept_bytes + bits.nbytes <= KEPT_BYTES:
            self._kept[key] = bits
            self._kept_bytes += bits.nbytes
        return binned


def bin_events(events: np.ndarray, sensor_size: tuple[int, int, int], n_steps: int) -> Tensor:
    """tonic's ``ToFrame(n_time_bins=n_steps)``, clamped to 0 or 1: uint8 [T, P, H, W].

    The bins divide the recording's own duration; tonic leaves out events at its very last microsecond. Several
    events of one pixel, polarity and bin count once. A recording shorter than ``n_steps`` microseconds has no
    such bins and is refused.
    """
    from tonic.transforms import ToFrame

    duration = int(events["t"][-1] - events["t"][0]) if len(events) else 0
    if duration < n_steps:
        raise ValueError(
            f"a recording of {len(events)} events spans {duration} microseconds, expected at least one for each of "
            f"{n_steps} steps: lower the number of steps, or restore the recording if it is damaged"
        )
    counts = ToFrame(sensor_size=sensor_size, n_time_bins=n_steps)(events)
    return torch.from_numpy(np.minimum(counts, 1).astype(np.uint8))


def bin_by_width(events: np.ndarray, sensor_size: tuple[int, int, int], n_steps: int, width: float) -> Tensor:
    """Bins of ``width`` seconds from time 0 on, 0 or 1 per pixel: uint8 [T, P, H, W]; later events are left out.

    An event at a bin's end belongs to it: bin k holds the times in (k width, (k + 1) width].
    """
    columns, rows, polarities = sensor_size
    # A width of so many microseconds must not fall short of them by a rounding.
    microseconds = round(width * 1e6, 6)
    bins = np.maximum(np.ceil(events["t"] / microseconds).astype(np.int64) - 1, 0)
    kept = bins < n_steps
    frames = np.zeros((n_steps, polarities, rows, columns), np.uint8)
    frames[bins[kept], events["p"][kept].astype(np.int64), events["y"][kept], events["x"][kept]] = 1
    return torch.from_numpy(frames)
