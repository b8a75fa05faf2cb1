"""Parts of a set of samples that have all its classes."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction, check_positive
from spikelearn.seeding import generator_for


def stratified_subset(targets: Tensor, fraction: float, seed: int) -> Tensor:
    """Indices of a share of the samples of every class, in rising order: a function of (seed, fraction).

    For one seed a smaller subset lies within every larger one.

    Args:
        targets: class number of every sample, int64 [N]; of targets that are no such numbers all are one class.
        fraction: share of each class, rounded to whole samples and at least one, in (0, 1].
        seed: seed of the choice.

    Shapes: int64 [n].

    Raises:
        ValueError: a fraction outside (0, 1].
    """
    check_positive("data_fraction", fraction)
    check_fraction("data_fraction", fraction)
    chosen, targets = [], strata_of(targets)
    for label in targets.unique().tolist():
        members = (targets == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator_for(seed, "subset", label))
        chosen.append(members[order[: max(round(fraction * len(members)), 1)]])
    return torch.cat(chosen).sort().values


def parted(targets: Tensor, indices: Tensor, fraction: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The samples ``indices`` in two parts, in rising order; the second has ``fraction`` of every class, rounded."""
    kept, held, targets = [], [], strata_of(targets)
    for label in targets[indices].unique():
        members = indices[targets[indices] == label]
        members = members[torch.randperm(len(members), generator=generator)]
        count = round(fraction * len(members))
        held.append(members[:count])
        kept.append(members[count:])
    return torch.cat(kept).sort().values, torch.cat(held).sort().values


def strata_of(targets: Tensor) -> Tensor:
    """Strata of a split: class numbers [N], or 0 for every sample where targets are no classes."""
    classes = targets.ndim == 1 and not targets.is_floating_point()
    return targets if classes else torch.zeros(len(targets), dtype=torch.int64)
