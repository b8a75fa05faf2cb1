"""scikit-learn's bundled 8x8 digits: the default that needs no download."""

from functools import cache
from importlib.util import find_spec
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

    samples = (1437, 360)
    licence = "CC BY 4.0"
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
    rows = np.loadtxt(_bundled_file(), delimiter=",", dtype=np.float32)
    images, targets = (rows[:, :-1] / 16.0).reshape(-1, 8, 8), rows[:, -1].astype(np.int64)
    train, test = _stratified(targets, 360)
    return images[train], images[test], targets[train], targets[test]


def _bundled_file() -> Path:
    """The file of images and targets; scikit-learn is not imported, which would take longer than an epoch on them."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("digits lie in scikit-learn, which is not installed: pip install scikit-learn")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"


def _stratified(targets: np.ndarray, test: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of training and ``test`` samples: those of scikit-learn's ``train_test_split`` with random_state 0."""
    drawn, counts = np.random.RandomState(0), np.bincount(targets)
    train_of = _shares(counts, len(targets) - test, drawn)
    test_of = _shares(counts - train_of, test, drawn)
    train_places, test_places = [], []
    for name, (n_train, n_test) in enumerate(zip(train_of, test_of, strict=True)):
        places = np.flatnonzero(targets == name)[drawn.permutation(counts[name])]
        train_places.append(places[:n_train])
        test_places.append(places[n_train : n_train + n_test])
    return drawn.permutation(np.concatenate(train_places)), drawn.permutation(np.concatenate(test_places))


def _shares(counts: np.ndarray, total: int, drawn: np.random.RandomState) -> np.ndarray:
    """Counts of each class that sum to ``total``: whole parts, then the largest remainders, ties drawn at random."""
    exact = counts / counts.sum() * total
    shares = np.floor(exact)
    rests, left = exact - shares, int(total - shares.sum())
    for rest in np.unique(rests)[::-1]:
        if left == 0:
            break
        equal = np.flatnonzero(rests == rest)
        chosen = drawn.choice(equal, size=min(len(equal), left), replace=False)
        shares[chosen] += 1
        left -= len(chosen)
    return shares.astype(np.int64)


def split_digits(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, 8, 8] in 0..1 and class numbers [N] of one split."""
    train_images, test_images, train_targets, test_targets = _all_digits()
    return (train_images, train_targets) if split == "train" else (test_images, test_targets)
