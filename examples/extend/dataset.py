"""A data set of your own: class numbers, and one recording as events. Bins, loaders and training follow.

On the command line: ``spikelearn train --import dataset.py --data moving-bars --net 288-100-4``. In the package this is
one file in ``spikelearn/datasets``, one import line in its ``__init__`` and one line in ``tests/conformance/cases.py``.
"""

from pathlib import Path

import numpy as np
import torch

from spikelearn.datasets.base import DATASETS, EventDataset, Split

EVENT = np.dtype([("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", np.int64)])


@DATASETS.register("moving-bars")
class MovingBars(EventDataset):
    """Bars that move left, right, up or down in front of a simulated event camera: four classes.

    Args:
        split: "train" or "test".
        root: not used.

    Shapes: recordings are structured arrays x, y (pixels), t (microseconds), p; binned [T, B, 2, 12, 12]; targets [N].

    Source: made here.
    """

    classes = 4
    bundled = True
    shape = (2, 12, 12)
    sensor_size = (12, 12, 2)

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        self.first = 0 if split == "train" else 10_000
        self.targets = torch.arange(400 if split == "train" else 100) % 4

    def recording(self, index: int) -> np.ndarray:
        random = np.random.default_rng(self.first + index)
        along, phase = np.tile(np.arange(12), 24), np.repeat(np.arange(24), 12)
        leading = phase % 2 == 0  # the bar's front brightens a pixel, its back darkens the one behind
        across = (phase // 2 + random.integers(12)) % 12
        direction = int(self.targets[index])
        across = 11 - across if direction % 2 else across
        events = np.empty(len(along), EVENT)
        events["x"], events["y"] = (across, along) if direction < 2 else (along, across)
        events["t"] = phase * 1000 + random.integers(0, 900, len(along))
        events["p"] = leading
        kept = events[random.random(len(events)) < 0.8]
        return kept[np.argsort(kept["t"], kind="stable")]


if __name__ == "__main__":
    from spikelearn import BPTT, Loader, Training, build, evaluate, fit

    torch.manual_seed(0)
    network = build("288-100-4", input_shape=MovingBars.shape)
    train, test = (Loader(MovingBars(split), 12, 50, shuffle=split == "train") for split in ("train", "test"))
    fit(Training.start(network, BPTT()), train, epochs=20)
    print(f"moving bars: test accuracy {100 * evaluate(network, test).accuracy:.1f} %")
