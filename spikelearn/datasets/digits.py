"""scikit-learn's bundled 8x8 digits: the default that needs no download."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from spikelearn.datasets.base import DATASETS, ImageDataset, Split


@DATASETS.register("digits")
class Digits(ImageDataset):
    """1,437 training and 360 test images of handwritten digits, 8x8 pixels of 17 grey levels, in ten classes.

    Bundled with scikit-learn. The split is stratified and fixed.

    Args:
        split: "train" or "test".
        root: not used.

    Shapes: images [N, 1, 8, 8], intensity 0 to 1 (dimensionless); targets [N].

    Source: Alpaydin & Kaynak, "Optical recognition of handwritten digits", UCI repository, 1998 (its test part).
    """

    classes = 10
    bundled = True
    shape = (1, 8, 8)

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        images, targets = split_digits(split)
        self.images = torch.from_numpy(images).unsqueeze(1)
        self.targets = torch.from_numpy(targets)


@cache
def _all_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bundled = load_digits()
    images = (bundled.images / 16.0).astype(np.float32)
    parts = train_test_split(
        images, bundled.target.astype(np.int64), test_size=360, random_state=0, stratify=bundled.target
    )
    return tuple(parts)


def split_digits(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, 8, 8] in 0..1 and class numbers [N] of one split."""
    train_images, test_images, train_targets, test_targets = _all_digits()
    return (train_images, train_targets) if split == "train" else (test_images, test_targets)
