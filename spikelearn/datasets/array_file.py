"""A file of one's own with arrays."""

from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.datasets.array import ArrayDataset
from spikelearn.datasets.base import Split
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.splits import chosen_of, part_of
from spikelearn.datasets.targets import read_targets
from spikelearn.unpacking import array_names, read_npz

#: Names of samples and class numbers that belong together, as arrays are usually called.
PAIRS = (("x", "y"), ("X", "y"), ("X", "Y"), ("data", "targets"), ("data", "labels"), ("inputs", "targets"),
         ("inputs", "labels"), ("images", "labels"), ("images", "targets"))  # fmt: skip


class ArrayFile(ArrayDataset):
    """An npz file of one's own, as ``numpy.savez`` writes it, with samples and targets.

    On the command line ``--data file:PATH.npz``. Arrays: ``x_train``, ``y_train``, ``x_test`` and ``y_test``; or
    ``data`` and ``targets`` alone. ``x`` and ``y``, ``inputs`` and ``targets``, ``images`` and ``labels`` will do as
    well, with ``_train`` and ``_test`` behind, or ``train_`` and ``test_`` before them.

    Args:
        split: "train" or "test".
        path: the file.
        sequence: whether axis 1 of the samples is time, as in ``ArrayDataset``.
        test_fraction: share of the only samples that are there which is held out for the test, of every class alike;
            0: the file has both splits.
        split_seed: seed of that choice.
        classes: number of classes; 0: those that are seen in any split.
        task: name of what is asked, as in ``ArrayDataset``; None: what the form of the targets says.

    Shapes: samples [N, T, ...] (sequences, currents or spikes) or [N, ...] (still); targets [N] or [N, 1] (class
    numbers), or as in ``ArrayDataset``; arrays ``lengths`` [N], ``valid`` and ``rewards`` [N, T] beside them, if any.

    Raises:
        ValueError: no such file or arrays, several pairs, a damaged file, one split alone and no ``test_fraction`` (or
            the other way round); and as ``ArrayDataset``.

    Source: format: NEP 1 of NumPy, "A simple file format for NumPy arrays", 2007; data: your own.
    """

    def __init__(
        self,
        split: Split = "train",
        path: str | Path = "",
        *,
        sequence: bool | None = None,
        test_fraction: float = 0.0,
        split_seed: int = 0,
        classes: int = 0,
        task: str | None = None,
    ) -> None:
        path = Path(path)
        pairs = _pairs(path)
        part = part_of(path, split, pairs, test_fraction)
        names = pairs[part]
        beside = _beside(path, part)
        arrays = read_npz(path, [names[0], *(labels for _, labels in pairs.values()), *beside.values()])
        labels = {there: _as_row(arrays[name]) for there, (_, name) in pairs.items()}
        try:
            # A class counts, be it seen in one split alone.
            steps = arrays[names[0]].shape[1] if sequence and arrays[names[0]].ndim > 1 else None
            _, _, count = read_targets(np.concatenate(list(labels.values())), task, classes or None, steps)
            known: dict[str, Any] = {name: arrays[array] for name, array in beside.items()}
            super().__init__(
                arrays[names[0]],
                labels[part],
                sequence=sequence,
                classes=count or None,
                split=split,
                task=task,
                **known,
            )
        except ValueError as error:
            raise ValueError(f"{path}, arrays {' and '.join(names)}: {error}") from error
        if test_fraction:
            chosen = chosen_of(self.targets, split, test_fraction, split_seed)
            self.data, self.targets = self.data[chosen], self.targets[chosen]
            self.lengths, self.valid, self.rewards = (
                None if each is None else each[chosen] for each in (self.lengths, self.valid, self.rewards)
            )
        self.provenance = Provenance([path])


def _as_row(labels: np.ndarray) -> np.ndarray:
    """Class numbers [N], where they are given as [N, 1] too; real numbers stay as they are."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iub" else labels


def _beside(path: Path, part: str) -> dict[str, str]:
    """{"lengths", "valid" or "rewards": name of the array} of what else the file holds of the samples of ``part``."""
    there = array_names(path)
    forms = ("{}",) if part == "all" else (f"{{}}_{part}", f"{part}_{{}}")
    wanted = {name: [form.format(name) for form in forms] for name in ("lengths", "valid", "rewards")}
    there_by_name = {name: [array for array in arrays if array in there] for name, arrays in wanted.items()}
    return {name: arrays[0] for name, arrays in there_by_name.items() if arrays}


def _pairs(path: Path) -> dict[str, tuple[str, str]]:
    """{"train" and "test", or "all": names of samples and class numbers}."""
    there = set(array_names(path))
    by_part: dict[str, list[tuple[str, str]]] = {}
    for samples, labels in PAIRS:
        for part, form in (
            ("train", "{}_train"),
            ("train", "train_{}"),
            ("test", "{}_test"),
            ("test", "test_{}"),
            ("all", "{}"),
        ):
            pair = form.format(samples), form.format(labels)
            if set(pair) <= there:
                by_part.setdefault(part, []).append(pair)
    several = next((pairs for pairs in by_part.values() if len(pairs) > 1), None)
    if not by_part or several or ("all" in by_part and len(by_part) > 1):
        why = f"which of {several} is meant is not clear" if several else "no samples with class numbers among them"
        shown = ", ".join(sorted(there)[:12]) or "none"
        raise ValueError(
            f"{path} holds the arrays {shown}, {why}: expected x_train, y_train, x_test and y_test, or data and targets"
        )
    return {part: pairs[0] for part, pairs in by_part.items()}
