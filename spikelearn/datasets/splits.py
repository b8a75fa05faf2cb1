"""The two splits of data of one's own: as they are there, or made of the only one."""

from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.datasets.base import Split
from spikelearn.datasets.subset import parted
from spikelearn.seeding import generator_for


def part_of(where: Path, split: Split, there: Collection[str], test_fraction: float) -> str:
    """Which of the parts that are there ``split`` is read from.

    Raises:
        ValueError: a split that is not there and no ``test_fraction`` that would make one; one where both are there.
    """
    check_fraction("test_fraction", test_fraction, below_one=True)
    if len(there) > 1 and test_fraction:
        raise ValueError(f"{where} holds train and test samples, so test_fraction={test_fraction} has no use: drop it")
    if len(there) == 1 and not test_fraction:
        (only,) = there
        lacking = "no test samples" if only == "train" else "samples of one split alone"
        raise ValueError(
            f"{where} holds {lacking}: say what share of them is held out as such, for example --data-option "
            "test_fraction=0.2, or add the other split"
        )
    return split if len(there) > 1 else next(iter(there))


def chosen_of(targets: Tensor, split: Split, test_fraction: float, seed: int) -> Tensor:
    """The samples of ``split``, where a share of every class is held out as the test samples.

    Raises:
        ValueError: a share that leaves a split empty.
    """
    train, test = parted(targets, torch.arange(len(targets)), test_fraction, generator_for(seed, "test"))
    if len(train) == 0 or len(test) == 0:
        raise ValueError(
            f"test_fraction={test_fraction} of {len(targets)} samples leaves {len(train)} for training and {len(test)} "
            "for the test: choose one that leaves some of each"
        )
    return train if split == "train" else test
