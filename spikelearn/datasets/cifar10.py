"""CIFAR-10: small colour photographs."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikelearn.datasets.base import DATASETS, ImageDataset, Split
from spikelearn.datasets.root import fetch
from spikelearn.files import write_atomically

FOLDER, ARCHIVE = "cifar-10-batches-bin", "cifar-10-binary.tar.gz"
FILES: dict[Split, tuple[str, ...]] = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}

#: Bytes of a record: the class, then the red, the green and the blue plane, row by row.
RECORD = 1 + 3 * 32 * 32

CURE = "delete it to unpack it again, or restore the published file"


@DATASETS.register("cifar10")
class CIFAR10(ImageDataset):
    """50,000 training and 10,000 test photographs, colour, 32x32 pixels, in ten balanced classes.

    Files: ``<root>/cifar10/cifar-10-batches-bin/{data_batch_1 to 5,test_batch}.bin``, the published binary version;
    those that are missing are unpacked from ``<root>/cifar10/cifar-10-binary.tar.gz``, which is downloaded where it is
    missing (170 MB).

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: images [N, 3, 32, 32], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: files that are missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", University of Toronto, 2009.
    """

    classes = 10
    shape = (3, 32, 32)
    #: Addresses of folders that hold the archive, tried in order.
    mirrors: tuple[str, ...] = ("https://www.cs.toronto.edu/~kriz",)
    #: md5 of the published archive.
    checksum = "c32a1d4ab5d03f1284b67883e8d87530"
    #: Images in every file: the files say nothing of their own length.
    per_file = 10_000

    def __init__(self, split: Split = "train", root: str | Path | None = None) -> None:
        super().__init__(split, root)
        folder = self.folder / FOLDER
        if not all((folder / name).exists() for name in FILES[self.split]):
            self._unpack(folder)
        files = FILES[self.split]
        self.images = torch.empty(len(files) * self.per_file, *self.shape, dtype=torch.uint8)
        self.targets = torch.empty(len(self.images), dtype=torch.int64)
        places = zip(files, self.images.split(self.per_file), self.targets.split(self.per_file), strict=True)
        for name, images, targets in places:
            records = _read(folder / name, self.per_file)
            targets.copy_(records[:, 0])
            images.copy_(records[:, 1:].view_as(images))

    def _unpack(self, folder: Path) -> None:
        """Write the files that are missing in ``folder``, each whole or not at all."""
        archive = fetch(self.folder / ARCHIVE, self.mirrors, self.checksum)
        # An archive that was put there by hand has not been compared, and unpacking alone would miss a changed pixel.
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != self.checksum:
            raise ValueError(
                f"{archive} has the md5 {found}, expected {self.checksum}: it is damaged, cut short or another "
                "archive; delete it to download it again, or restore the published file"
            )
        missing = [name for names in FILES.values() for name in names if not (folder / name).exists()]
        with tarfile.open(archive) as packed:
            for name in missing:
                content = packed.extractfile(f"{FOLDER}/{name}")
                assert content is not None
                write_atomically(folder / name, content.read())


def _read(path: Path, count: int) -> Tensor:
    """The records of a file, uint8 [count, 3073]; the file is left as it is."""
    size, expected = path.stat().st_size, count * RECORD
    if size != expected:
        raise ValueError(
            f"{path} holds {size} bytes, expected {expected} for {count} images of {RECORD} bytes: it is cut short or "
            f"of another kind; {CURE}"
        )
    records = torch.from_numpy(np.fromfile(path, np.uint8)).view(count, RECORD)
    highest = int(records[:, 0].max())
    if highest >= CIFAR10.classes:
        raise ValueError(f"{path} has the label {highest}, expected 0 to 9: it is damaged; {CURE}")
    return records
