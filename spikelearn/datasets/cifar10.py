"""CIFAR-10: small colour photographs."""

import hashlib
import tarfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikelearn.datasets.base import DATASETS, ImageDataset, Split
from spikelearn.datasets.provenance import Provenance, md5_of
from spikelearn.datasets.root import fetch
from spikelearn.files import write_atomically
from spikelearn.recordings.doubts import DataWarning

FOLDER, ARCHIVE, CHECKSUMS = "cifar-10-batches-bin", "cifar-10-binary.tar.gz", "MD5SUMS"
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
    missing (170 MB); the checksums of what was unpacked are written beside them, and compared from then on.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: images [N, 3, 32, 32], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: files that are missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", University of Toronto, 2009.
    """

    samples = (50_000, 10_000)
    licence = "none stated; citation is asked for"
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
        files = [folder / name for name in FILES[self.split]]
        if not all(path.exists() for path in files):
            self._unpack(folder)
        self.images = torch.empty(len(files) * self.per_file, *self.shape, dtype=torch.uint8)
        self.targets = torch.empty(len(self.images), dtype=torch.int64)
        places = zip(files, self.images.split(self.per_file), self.targets.split(self.per_file), strict=True)
        for path, images, targets in places:
            records = _read(path, self.per_file)
            targets.copy_(records[:, 0])
            images.copy_(records[:, 1:].view_as(images))
        _check_different(files)
        checksums = _checksums(folder)
        if not checksums:
            warnings.warn(
                f"{folder}: {', '.join(path.name for path in files)} cannot be compared with the published ones, of "
                f"which only the archive has a checksum: put {ARCHIVE} into {folder.parent} and delete them to be sure",
                DataWarning,
                stacklevel=2,
            )
        self.provenance = Provenance(files, checksums)
        self.provenance.warn()

    def _unpack(self, folder: Path) -> None:
        """Write the files that are missing in ``folder``, each whole or not at all, and the checksums of all."""
        archive = fetch(self.folder / ARCHIVE, self.mirrors, self.checksum)
        # An archive that was put there by hand has not been compared, and unpacking alone would miss a changed pixel.
        checksum = md5_of(archive)
        if checksum != self.checksum:
            raise ValueError(
                f"{archive} has the md5 {checksum}, expected {self.checksum}: it is damaged, cut short or another "
                "archive; delete it to download it again, or restore the published file"
            )
        checksums = {}
        with tarfile.open(archive) as packed:
            for name in (name for names in FILES.values() for name in names):
                file = packed.extractfile(f"{FOLDER}/{name}")
                assert file is not None
                content = file.read()
                checksums[name] = hashlib.md5(content).hexdigest()
                if not (folder / name).exists():
                    write_atomically(folder / name, content)
        lines = "".join(f"{md5}  {name}\n" for name, md5 in checksums.items())
        write_atomically(folder / CHECKSUMS, lines.encode())


def _checksums(folder: Path) -> dict[str, str]:
    """{file: md5} of what the published archive held when it was unpacked here; empty where it was unpacked elsewhere.

    Of the single files no checksums are published.
    """
    path = folder / CHECKSUMS
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return {words[1]: words[0] for line in lines if len(words := line.split()) == 2}


def _check_different(files: Sequence[Path]) -> None:
    """Raise ValueError where two files are the same."""
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(md5_of(path), path)
        if other is not path:
            raise ValueError(f"{path} is a copy of {other.name}, so images are missing: {CURE}")


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
