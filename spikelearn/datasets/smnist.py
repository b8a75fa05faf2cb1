"""Spiking sequential MNIST: digits pixel by pixel, as crossings of grey levels."""

from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.datasets.base import DATASETS, EventDataset, Split
from spikelearn.datasets.mnist import MNIST
from spikelearn.recordings.readers.base import structured

#: Levels of grey, each with a neuron for rising and one for falling through it; one more neuron for white.
LEVELS = 49

#: Duration of a pixel, microseconds; every spike comes twice within it.
PIXEL = 2000


@DATASETS.register("smnist")
class SMNIST(EventDataset):
    """60,000 training and 10,000 test digits of MNIST, shown pixel by pixel to 99 neurons, in ten classes.

    Neurons 2 to 49 spike where the grey value falls below one of 48 levels from a pixel to the next, 51 to 98 where it
    rises to one, brighter levels at lower numbers; neuron 0 spikes at white (255), 1 and 50 never: they belong to the
    level 0. Made of MNIST's files in ``<root>/mnist``.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x (neuron 0 to 98), y 0, t (microseconds), p 0; binned [T, B, 1, 1, 99]; targets [N].

    Raises:
        ValueError: MNIST's files are missing and cannot be downloaded, or are damaged.

    Source: ``SMNIST`` of tonic, with its defaults; here in order of time.
    """

    classes = 10
    #: Folder below the data root in which its files are.
    lies_in = "mnist"
    samples = (60_000, 10_000)
    licence = "CC BY-SA 3.0"
    shape = (1, 1, 99)
    sensor_size = (99, 1, 1)
    start = 0.0

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        digits = MNIST(split, root)
        self.images, self.targets, self.provenance = digits.images, digits.targets, digits.provenance

    def recording(self, index: int) -> Any:
        return crossings(self.images[index].numpy().ravel())


def crossings(grey: np.ndarray) -> np.ndarray:
    """Spikes of an image [pixels] of grey values 0 to 255, in order of time and neuron."""
    levels = np.linspace(0.0, 254.0, LEVELS).astype(np.uint8)
    above = grey[:, None] >= levels
    rises, rising = np.nonzero(~above[:-1] & above[1:])
    falls, falling = np.nonzero(above[:-1] & ~above[1:])
    white = np.flatnonzero(grey == 255)
    pixel = np.concatenate([rises, falls, white])
    neuron = np.concatenate([2 * LEVELS + 1 - rising, LEVELS + 1 - falling, np.zeros(len(white), np.int64)])
    times = np.concatenate([PIXEL * pixel, PIXEL * pixel + PIXEL // 2])
    order = np.lexsort((np.tile(neuron, 2), times))
    return structured(np.tile(neuron, 2)[order], 0, times[order], 0)
