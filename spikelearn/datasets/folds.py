"""All samples of a data set in parts of which each is the test set once."""

import copy

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.datasets.base import Dataset, ImageDataset, Split
from spikelearn.datasets.recorded_files import RecordedFiles
from spikelearn.datasets.subset import strata_of
from spikelearn.seeding import generator_for


def fold_of(train: Dataset, test: Dataset, split: Split, folds: int, number: int) -> Dataset:
    """The samples of both splits, of which part ``number`` of ``folds`` is the test set and the rest is for training.

    Every sample is in one part. Parts have equal shares of every class, to within one sample, and are a function of
    (targets, ``folds``) alone.

    Args:
        train, test: the published splits.
        split: which of the new ones is wished.
        folds: number of parts, 2 or more.
        number: which part is tested, 0 to folds - 1.

    Raises:
        ValueError: samples that are neither still images nor recordings in files; fewer samples than parts.
    """
    check_count("folds", folds, 2)
    if type(train) is not type(test) or not isinstance(train, ImageDataset | RecordedFiles):
        raise ValueError(
            "folds are parts of still images, or of recordings in files, and these samples are neither: leave folds out"
        )
    targets = torch.cat([train.targets, test.targets])
    parts = parts_of(targets, folds)
    chosen = (parts == number if split == "test" else parts != number).nonzero().flatten()
    if not 0 < len(chosen) < len(targets):
        raise ValueError(f"there are {len(targets)} samples, expected one for each of {folds} folds at least")
    both = copy.copy(train)
    both.split = split
    if isinstance(both, RecordedFiles) and isinstance(test, RecordedFiles):
        items = [*both.items, *test.items]
        both.take([items[place] for place in chosen.tolist()])
        both.forget()
    elif isinstance(both, ImageDataset) and isinstance(test, ImageDataset):
        both.images, both.targets = torch.cat([both.images, test.images])[chosen], targets[chosen]
    return both


def parts_of(targets: Tensor, folds: int) -> Tensor:
    """The part of every sample, int64 [N]: 0 to folds - 1, every class spread evenly in an order drawn once."""
    parts, strata, begun = torch.empty(len(targets), dtype=torch.int64), strata_of(targets), 0
    for label in strata.unique().tolist():
        members = (strata == label).nonzero().flatten()
        order = members[torch.randperm(len(members), generator=generator_for("folds", folds, label))]
        parts[order] = (begun + torch.arange(len(order))) % folds  # the next class begins where this one ends
        begun += len(order)
    return parts
