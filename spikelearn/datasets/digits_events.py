"""The bundled digits as an event camera would see them during three small saccades."""

from pathlib import Path

import numpy as np
import torch

from spikelearn.datasets.base import DATASETS, EventDataset, Split
from spikelearn.datasets.digits import split_digits
from spikelearn.recordings.events import EVENT

SENSOR = 16  # pixels along an edge
SACCADE = 30_000  # microseconds
MICROSTEPS = 20  # samples of the motion per saccade
AMPLITUDE = 2.0  # pixels
CONTRAST = 0.25  # change of log intensity that makes an event
BLACK = 0.1  # intensity of the background, so that its logarithm exists


@DATASETS.register("digits-events")
class DigitsEvents(EventDataset):
    r"""The bundled digits, recorded by a simulated event camera that moves along a triangle in front of them.

    The 8x8 image, drawn at 16x16 pixels, is moved along three straight saccades of 30 ms and 2 pixels that end where
    they began. A pixel emits an event of polarity p = 1 (0) each time its log intensity $\ln(I + 0.1)$ has risen
    (fallen) by 0.25 since its last event; times are interpolated between 20 samples a saccade. There is no noise.

    Args:
        split: "train" or "test".
        root: not used.

    Shapes: recordings are structured arrays x, y (pixels), t (microseconds), p; binned [T, B, 2, 16, 16]; targets [N].

    Source: digits: Alpaydin & Kaynak, UCI repository, 1998; saccades: Orchard et al., Frontiers in Neuroscience 9,
    2015; event model: Rebecq, Gehrig & Scaramuzza, CoRL 2018 (ESIM). deviation: log intensity is sampled at fixed
    times.
    """

    samples = (1437, 360)
    licence = "CC BY 4.0"
    classes = 10
    bundled = True
    shape = (2, SENSOR, SENSOR)
    sensor_size = (SENSOR, SENSOR, 2)

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        images, targets = split_digits(split)
        self.images, self.targets = images, torch.from_numpy(targets)

    def recording(self, index: int) -> np.ndarray:
        return record(self.images[index])


def record(image: np.ndarray) -> np.ndarray:
    """Events of a still ``image`` [8, 8] (intensity 0 to 1) seen during the three saccades, in order of time."""
    logs = np.log(np.stack([_seen(image, dx, dy) for dx, dy in _path()]) + BLACK)
    references, crossings = np.empty_like(logs[1:]), np.empty(logs[1:].shape, int)
    reference = logs[0].copy()
    for step, now in enumerate(logs[1:]):
        references[step] = reference
        crossings[step] = np.trunc((now - reference) / CONTRAST)
        reference += crossings[step] * CONTRAST
    return _interpolated(logs, references, crossings)


def _interpolated(logs: np.ndarray, references: np.ndarray, crossings: np.ndarray) -> np.ndarray:
    """One event per level crossed, at the time at which the straight line between two samples crosses it."""
    places = np.nonzero(crossings)
    counts = np.abs(crossings[places])
    step, y, x = (np.repeat(axis, counts) for axis in places)
    sign = np.sign(crossings[step, y, x])
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    before, now = logs[step, y, x], logs[step + 1, y, x]
    share = np.clip((references[step, y, x] + sign * CONTRAST * nth - before) / (now - before), 0.0, 1.0)
    events = np.empty(len(step), EVENT)
    events["x"], events["y"], events["p"] = x, y, sign > 0
    events["t"] = np.round((step + share) * SACCADE / MICROSTEPS)
    return events[np.argsort(events["t"], kind="stable")]


def _path() -> list[tuple[float, float]]:
    """Displacement at every sample: down right, up right, and back left, as N-MNIST's triangle."""
    corners = np.array([(0.0, 0.0), (AMPLITUDE / 2, AMPLITUDE), (AMPLITUDE, 0.0), (0.0, 0.0)])
    shares = np.arange(MICROSTEPS) / MICROSTEPS
    legs = [corners[k] + shares[:, None] * (corners[k + 1] - corners[k]) for k in range(3)]
    return [(float(dx), float(dy)) for dx, dy in np.concatenate([*legs, corners[3:]])]


def _seen(image: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Intensity at the sensor's pixels: the image at one and a half times its size, centred, displaced, bilinear."""
    scale = 1.5
    centre = (SENSOR - 1) / 2, (image.shape[0] - 1) / 2
    ys = (np.arange(SENSOR) - centre[0] - dy + AMPLITUDE / 2) / scale + centre[1]
    xs = (np.arange(SENSOR) - centre[0] - dx + AMPLITUDE / 2) / scale + centre[1]
    rows, columns = _weights(ys, image.shape[0]), _weights(xs, image.shape[1])
    seen: np.ndarray = rows @ image @ columns.T
    return seen


def _weights(positions: np.ndarray, size: int) -> np.ndarray:
    """Bilinear weights [positions, size]; what lies outside the image is black."""
    distance = np.abs(positions[:, None] - np.arange(size)[None, :])
    weights: np.ndarray = np.maximum(0.0, 1.0 - distance)
    return weights
