"""Folders of files by class, with or without folders of the two splits above them."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from spikelearn.datasets.root import written_out

#: Names of folders of a split, in lower case.
SPLITS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "test": "test",
    "testing": "test",
    "val": "test",
    "valid": "test",
    "validation": "test",
}


class ByClass(NamedTuple):
    """What lies in a folder.

    Args:
        classes: names of the classes of all splits, in the order of their numbers.
        files: {"train" and "test", or "all": (file, class number) of every sample}.
    """

    classes: list[str]
    files: Mapping[str, list[tuple[Path, int]]]


def by_class(folder: str | Path, wanted: Callable[[Path], bool], what: str) -> ByClass:
    """The files of a folder by split and class.

    Layouts: ``<class>/...``, or ``<train or test>/<class>/...``; files may lie deeper (Tiny-ImageNet's
    ``<class>/images/``). Classes whose names are all numbers are in their order, others in that of the alphabet.

    Args:
        folder: the folder.
        wanted: which files are samples; hidden ones are none.
        what: what they are called in messages.

    Raises:
        ValueError: no such folder, no files, files outside a class, one class alone.
    """
    path = written_out(folder, "the folder")
    if not path.is_dir():
        raise ValueError(f"{path} is no folder: name one that holds a folder of {what} for each class")
    inner = {entry.name: SPLITS[entry.name.lower()] for entry in path.iterdir() if _is_split(entry)}
    # A validation split stands in for a test that is not there (Imagenette, Tiny-ImageNet without labels).
    if "test" in {name.lower() for name in inner}:
        inner = {name: part for name, part in inner.items() if not name.lower().startswith("val")}
    places = {part: path / name for name, part in sorted(inner.items())} or {"all": path}
    there = {part: _samples(place, wanted, what) for part, place in places.items()}
    there = {part: samples for part, samples in there.items() if samples}
    names = sorted({name for samples in there.values() for name, _ in samples}, key=_natural(there))
    if not names:
        raise ValueError(f"{path} holds no {what} in folders of classes, expected {path.name}/<class>/<file>")
    if len(names) == 1:
        raise ValueError(f"{path} holds one class, {names[0]!r}, expected two at least")
    numbers = {name: number for number, name in enumerate(names)}
    return ByClass(names, {part: [(file, numbers[name]) for name, file in there[part]] for part in there})


def _is_split(entry: Path) -> bool:
    return entry.is_dir() and entry.name.lower() in SPLITS


def _samples(place: Path, wanted: Callable[[Path], bool], what: str) -> list[tuple[str, Path]]:
    """(class, file) of all samples, in order of their paths."""
    samples = []
    for file in sorted(place.rglob("*")):
        parts = file.relative_to(place).parts
        if not wanted(file) or any(part.startswith(".") or part == "__MACOSX" for part in parts) or not file.is_file():
            continue
        if len(parts) == 1:
            raise ValueError(f"{file} lies in no folder of a class: move it, or delete it ({what} lie in <class>/)")
        samples.append((parts[0], file))
    return samples


def _natural(there: Mapping[str, Sequence[tuple[str, Path]]]) -> Callable[[str], tuple[int, str]]:
    names = {name for samples in there.values() for name, _ in samples}
    numbers = all(re.fullmatch(r"\d{1,9}", name) for name in names)
    return lambda name: (int(name) if numbers else 0, name)
