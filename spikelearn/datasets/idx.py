"""IDX files, as MNIST and its successors are published: gzip around a small header and bytes."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikelearn.datasets.base import ImageDataset, Split
from spikelearn.datasets.root import fetch

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049


def read_idx(path: Path, magic: int) -> Tensor:
    """The bytes of an IDX file as uint8, [N, H, W] (images, magic 2051) or [N] (labels, magic 2049).

    Raises:
        ValueError: not gzip, cut short, damaged, empty, or the other kind of file; the file is left as it is.
    """
    kinds = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
    cure = "delete it to download it again, or restore the published file"
    try:
        with gzip.open(path) as file:
            content = file.read()
    except EOFError as error:
        raise ValueError(f"{path} is cut short (the gzip stream has no end): {cure}") from error
    except (OSError, zlib.error) as error:
        raise ValueError(f"{path} is damaged or no gzip file ({error}): {cure}") from error
    if len(content) < 8:
        raise ValueError(f"{path} holds {len(content)} bytes, expected an IDX header of at least 8: {cure}")
    (found,) = struct.unpack(">I", content[:4])
    if found != magic:
        what = f"it holds {kinds[found]}" if found in kinds else "it is no IDX file of bytes"
        raise ValueError(f"{path} begins with the number {found}, expected {magic} ({kinds[magic]}): {what}; {cure}")
    axes = 3 if magic == IMAGES_MAGIC else 1
    header = 4 + 4 * axes
    if len(content) < header:
        raise ValueError(f"{path} holds {len(content)} bytes, expected an IDX header of {header}: {cure}")
    shape = struct.unpack(f">{axes}I", content[4:header])
    expected = header + math.prod(shape)
    if len(content) != expected:
        raise ValueError(
            f"{path} holds {len(content)} bytes, expected {expected} for {' x '.join(map(str, shape))} {kinds[magic]}: "
            f"it is cut short or damaged; {cure}"
        )
    if shape[0] == 0:
        raise ValueError(f"{path} holds no {kinds[magic]}: {cure}")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy())


class IdxDataset(ImageDataset):
    """A data set of four gzipped IDX files of 28x28 grey images in ten classes."""

    classes = 10
    shape = (1, 28, 28)
    #: Addresses of folders with the four files, tried in order.
    mirrors: tuple[str, ...]
    #: {file name: md5 of the published file}.
    checksums: dict[str, str]

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        prefix = "train" if split == "train" else "t10k"
        images = self._read(f"{prefix}-images-idx3-ubyte.gz", IMAGES_MAGIC)
        labels = self._read(f"{prefix}-labels-idx1-ubyte.gz", LABELS_MAGIC)
        if len(images) != len(labels):
            raise ValueError(
                f"{self.folder} has {len(images)} {split} images and {len(labels)} labels, expected as many of each: "
                "the files do not belong together"
            )
        if tuple(images.shape[1:]) != self.shape[1:]:
            raise ValueError(
                f"{self.folder} has {split} images of {images.shape[1]} x {images.shape[2]} pixels, expected 28 x 28"
            )
        if int(labels.max()) >= self.classes:
            raise ValueError(
                f"{self.folder / (prefix + '-labels-idx1-ubyte.gz')} has the label {int(labels.max())}, expected 0 to "
                f"{self.classes - 1}: the file is damaged or of another data set"
            )
        self.images, self.targets = images.unsqueeze(1), labels.long()

    def _read(self, name: str, magic: int) -> Tensor:
        return read_idx(fetch(self.folder / name, self.mirrors, self.checksums[name]), magic)
