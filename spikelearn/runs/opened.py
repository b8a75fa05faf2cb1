"""Parts of a run as its settings name them."""

import functools
from collections.abc import Sequence

from spikelearn.datasets import Dataset, EventDataset, Split, fold_of
from spikelearn.datasets.names import open_dataset
from spikelearn.recordings import Binning
from spikelearn.sparsity import Pruning

Value = bool | int | float | str
Options = dict[str, Value]


@functools.lru_cache(maxsize=2)
def opened(
    name: str,
    split: Split,
    root: str | None,
    options: tuple[tuple[str, Value], ...],
    binning: str | None,
    fold: tuple[int, int] | None,
    stamp: tuple[object, ...],
) -> Dataset:
    """A data set, kept because one run after another reads, or even bins, the same; ``stamp`` is of its files."""
    del stamp
    dataset = open_dataset(name, split, root, dict(options))
    if fold is not None:
        other = open_dataset(name, "test" if split == "train" else "train", root, dict(options))
        dataset = fold_of(*((dataset, other) if split == "train" else (other, dataset)), split, *fold)
    if binning is None:
        return dataset
    if not isinstance(dataset, EventDataset):
        raise ValueError(f"binning is given, but the samples of {name!r} are no recordings of events: leave it out")
    return dataset.binned_by(Binning.make(binning))


def check_pruning(pruning: Pruning, bounds: Sequence[tuple[float, float]], patience: int | None) -> None:
    """Raise ValueError where weights cannot be 0, or where training may end with those from before the last pruning."""
    for low, high in bounds:
        if not low <= 0 <= high:
            raise ValueError(f"bounds go from {low:g} to {high:g}, where no weight can be pruned to 0: include 0")
    if patience is not None and (pruning.gradual or pruning.start > 0):
        raise ValueError(
            f"patience is {patience} and weights are pruned while training: the best epoch may lie before the last of "
            "the pruning; drop patience, or prune at the start (gradual=false,start=0)"
        )
