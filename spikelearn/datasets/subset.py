"""Parts of a training set that have all its classes, smaller ones within larger ones."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction, check_positive
from spikelearn.seeding import generator_for


def stratified_subset(targets: Tensor, fraction: float, seed: int) -> Tensor:
    """Indices of a share of the samples of every class, in rising order: a function of (seed, fraction).

    For one seed a smaller subset lies within every larger one.

    Args:
        targets: class number of every sample, int64 [N].
        fraction: share of each class, rounded to whole samples and at least one, in (0, 1].
        seed: seed of the choice.

    Shapes: int64 [n].

    Raises:
        ValueError: a fraction outside (0, 1].
    """
    check_positive("data_fraction", fraction)
    check_fraction("data_fraction", fraction)
    chosen = []
    for label in targets.unique().tolist():
        members = (targets == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator_for(seed, "subset", label))
        chosen.append(members[order[: max(round(fraction * len(members)), 1)]])
    return torch.cat(chosen).sort().values
