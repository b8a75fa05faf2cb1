"""IDX files, as MNIST and its successors are published: a small header and bytes, most often behind gzip."""

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from spikelearn.datasets.base import ImageDataset, Split
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.root import fetch
from spikelearn.datasets.splits import chosen_of, part_of
from spikelearn.datasets.targets import class_numbers
from spikelearn.unpacking import check_declared, read_exactly

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049

KINDS = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}

CURE = "delete it to download it again, or restore the published file"


class IdxFile(NamedTuple):
    """An IDX file of bytes whose header has been read.

    Args:
        path: the file.
        shape: [N, H, W] of images, [N] of labels.
    """

    path: Path
    shape: tuple[int, ...]

    def read(self) -> Tensor:
        """The bytes, uint8.

        Raises:
            ValueError: more or fewer bytes than declared, or a damaged file; it is left as it is.
        """
        with _reading(self.path) as file:
            file.read(4 + 4 * len(self.shape))
            values = read_exactly(file, self.shape, np.dtype(np.uint8))
        if values is None:
            raise ValueError(
                f"{self.path} holds fewer or more bytes than the {' x '.join(map(str, self.shape))} that it declares: "
                f"it is cut short or damaged; {CURE}"
            )
        return torch.from_numpy(values)


def idx_file(path: Path, magic: int) -> IdxFile:
    """An IDX file of images (magic 2051) or labels (2049), its header read and its sizes possible.

    Raises:
        ValueError: not gzip though it is named so, empty, damaged, the other kind of file, or one that declares more
            than it can hold.
    """
    axes = 3 if magic == IMAGES_MAGIC else 1
    with _reading(path) as file:
        header = file.read(4 + 4 * axes)
    if len(header) < 8:
        raise ValueError(f"{path} holds {len(header)} bytes, expected an IDX header of at least 8: {CURE}")
    (number,) = struct.unpack(">I", header[:4])
    if number != magic:
        what = f"it holds {KINDS[number]}" if number in KINDS else "it is no IDX file of bytes"
        raise ValueError(f"{path} begins with the number {number}, expected {magic} ({KINDS[magic]}): {what}; {CURE}")
    if len(header) < 4 + 4 * axes:
        raise ValueError(f"{path} holds {len(header)} bytes, expected an IDX header of {4 + 4 * axes}: {CURE}")
    shape = struct.unpack(f">{axes}I", header[4:])
    if 0 in shape:
        raise ValueError(f"{path} holds no {KINDS[magic]}: {CURE}")
    try:
        _check_size(path, 4 + 4 * axes + math.prod(shape))
    except ValueError as error:
        raise ValueError(f"{path} ({' x '.join(map(str, shape))} {KINDS[magic]}): {error}; {CURE}") from error
    return IdxFile(path, shape)


def _check_size(path: Path, declared: int) -> None:
    size = path.stat().st_size
    if path.suffix == ".gz":
        check_declared(declared, size)
    elif declared != size:
        raise ValueError(f"it declares {declared} bytes and has {size}: it is cut short or damaged")


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked where its name says so; what is wrong with the packing is a ValueError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except EOFError as error:
        raise ValueError(f"{path} is cut short (the gzip stream has no end): {CURE}") from error
    except (OSError, zlib.error) as error:
        raise ValueError(f"{path} is damaged or no gzip file ({error}): {CURE}") from error


def read_pair(images: IdxFile, labels: IdxFile) -> tuple[Tensor, Tensor]:
    """Images [N, 1, H, W] and labels [N], uint8.

    Raises:
        ValueError: files of different lengths, a damaged one.
    """
    if images.shape[0] != labels.shape[0]:
        raise ValueError(
            f"{images.path} has {images.shape[0]} images and {labels.path.name} has {labels.shape[0]} labels, expected "
            "as many of each: the files do not belong together"
        )
    return images.read().unsqueeze(1), labels.read()


class IdxDataset(ImageDataset):
    """A published data set of four gzipped IDX files of 28x28 grey images in ten classes."""

    classes = 10
    shape = (1, 28, 28)
    #: Images of a split at most.
    most = 60_000
    #: Addresses of folders with the four files, tried in order.
    mirrors: tuple[str, ...]
    #: {file name: md5 of the published file}.
    checksums: ClassVar[dict[str, str]]

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        prefix = "train" if split == "train" else "t10k"
        names = (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
        paths = [fetch(self.folder / name, self.mirrors, self.checksums[name]) for name in names]
        images, labels = idx_file(paths[0], IMAGES_MAGIC), idx_file(paths[1], LABELS_MAGIC)
        if images.shape[1:] != self.shape[1:]:
            height, width = images.shape[1:]
            raise ValueError(f"{images.path} has images of {height} x {width} pixels, expected 28 x 28: {CURE}")
        if images.shape[0] > self.most:
            raise ValueError(f"{images.path} declares {images.shape[0]} images, expected up to {self.most}: {CURE}")
        self.images, targets = read_pair(images, labels)
        if int(targets.max()) >= self.classes:
            raise ValueError(
                f"{labels.path} has the label {int(targets.max())}, expected 0 to {self.classes - 1}: the file is "
                "damaged or of another data set"
            )
        self.targets = targets.long()
        self.provenance = Provenance(paths, self.checksums)
        self.provenance.warn()


#: Names of IDX files: MNIST's own (Fashion-MNIST's, KMNIST's, QMNIST's), EMNIST's with a prefix, torchvision's.
NAME = re.compile(
    r"(.*[-_.])?(?P<split>train|t10k|test)[-_.](?P<kind>images[-_.]idx3|labels[-_.]idx1)[-_.]ubyte(\.gz)?"
)


class IdxFolder(ImageDataset):
    """A folder of one's own with IDX files named as MNIST's, gzipped or not: KMNIST, EMNIST, or what one wrote.

    On the command line ``--data idx:FOLDER``. Files: ``{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]``; a prefix
    such as ``emnist-letters-``, ``test`` for ``t10k`` and dots for dashes are read as well.

    Args:
        split: "train" or "test".
        path: the folder.
        test_fraction: share of the only split that is there which is held out as the test samples, of every class
            alike; 0: the folder has both.
        split_seed: seed of that choice.
        classes: number of classes; 0: those that are seen in any split.

    Shapes: images [N, 1, H, W], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: no such folder or files, several of one kind, one split alone and no ``test_fraction`` (or the other
            way round), damaged files, labels with gaps.

    Source: format: LeCun, Cortes & Burges, "The MNIST database of handwritten digits", 1998; data: your own.
    """

    def __init__(
        self,
        split: Split = "train",
        path: str | Path = ".",
        *,
        test_fraction: float = 0.0,
        split_seed: int = 0,
        classes: int = 0,
    ) -> None:
        super().__init__(split)
        path, files = Path(path), _by_part(Path(path))
        part = part_of(path, split, {there for there, _ in files}, test_fraction)
        pair = [_only(path, part, kind, files.get((part, kind), [])) for kind in KINDS.values()]
        self.images, labels = read_pair(idx_file(pair[0], IMAGES_MAGIC), idx_file(pair[1], LABELS_MAGIC))
        self.targets, self.classes = labels.long(), _classes_of(path, files, classes)
        self.shape = tuple(self.images.shape[1:])
        self.provenance = Provenance(pair)
        if test_fraction:
            chosen = chosen_of(self.targets, split, test_fraction, split_seed)
            self.images, self.targets = self.images[chosen], self.targets[chosen]


def _classes_of(folder: Path, files: Mapping[tuple[str, str], Sequence[Path]], classes: int) -> int:
    """The number of classes in the labels of all splits, or the one given; ValueError where labels exceed it."""
    paths = [_only(folder, part, kind, found) for (part, kind), found in files.items() if kind == "labels"]
    try:
        return class_numbers(torch.cat([idx_file(path, LABELS_MAGIC).read() for path in paths]), classes or None)[1]
    except ValueError as error:
        raise ValueError(f"{folder}, {' and '.join(path.name for path in paths)}: {error}") from error


def idx_files(folder: Path) -> list[Path]:
    """The files of a folder that are named as IDX files, in order; of one that is there packed too, the packed one.

    Raises:
        ValueError: no such folder, no such files.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: name one that holds train-images-idx3-ubyte.gz and its like")
    files = (path for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name) and path.is_file())
    # A Mac lays a hidden file beside every file that it packs.
    named = {path.name: path for path in files if not path.name.startswith(".")}
    if not named:
        raise ValueError(f"{folder} holds no IDX files, expected train-images-idx3-ubyte.gz and its like")
    return [path for name, path in named.items() if f"{name}.gz" not in named]


def _by_part(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """{(split, "images" or "labels"): files}."""
    by_part: dict[tuple[str, str], list[Path]] = {}
    for path in idx_files(folder):
        named = NAME.fullmatch(path.name)
        assert named is not None
        by_part.setdefault(("train" if named["split"] == "train" else "test", named["kind"][:6]), []).append(path)
    return by_part


def _only(folder: Path, part: str, kind: str, candidates: Sequence[Path]) -> Path:
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(path.name for path in candidates) or "none"
    raise ValueError(
        f"{folder} holds {names} as its {part} {kind}, expected one file: give each data set its own folder"
    )
