"""CIFAR-100: small colour photographs in a hundred classes."""

from pathlib import Path

import numpy as np
import torch

from spikelearn.checks import check_flag
from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS, ImageDataset, Split
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.recorded_files import fetch_archives

#: Bytes of a record: the coarse class, the fine class, then the red, the green and the blue plane, row by row.
RECORD = 2 + 3 * 32 * 32

_ARCHIVE = Archive(
    "cifar-100-binary.tar.gz",
    "03b5dce01913d631647c71ecec9e9cb8",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "cifar-100-binary",
    most=1 << 30,
)


@DATASETS.register("cifar100")
class CIFAR100(ImageDataset):
    """50,000 training and 10,000 test photographs, colour, 32x32 pixels, in 100 balanced classes of 20 kinds.

    Files: ``<root>/cifar100/cifar-100-binary/{train,test}.bin``, the published binary version, unpacked from
    ``cifar-100-binary.tar.gz``, which is downloaded where it is missing (170 MB).

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.
        coarse: whether the 20 kinds are the classes; else the 100 classes are.

    Shapes: images [N, 3, 32, 32], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: files that are missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", University of Toronto, 2009.
    """

    classes = 100
    samples = (50_000, 10_000)
    licence = "none stated; citation is asked for"
    shape = (3, 32, 32)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}
    #: Images of the splits: the files say nothing of their own length.
    counts = {"train": 50_000, "test": 10_000}

    def __init__(self, split: Split = "train", root: str | Path | None = None, *, coarse: bool = False) -> None:
        super().__init__(split, root)
        check_flag("coarse", coarse)
        path = self.folder / "cifar-100-binary" / f"{split}.bin"
        if not path.is_file():
            fetch_archives(self.folder, self.archives[split])
        size, expected = path.stat().st_size, self.counts[split] * RECORD
        if size != expected:
            raise ValueError(
                f"{path} holds {size} bytes, expected {expected} for {self.counts[split]} images of {RECORD} bytes: "
                "it is cut short or of another kind; delete its folder to unpack it again, or restore it"
            )
        records = torch.from_numpy(np.fromfile(path, np.uint8)).view(-1, RECORD)
        self.classes = 20 if coarse else 100
        self.targets = records[:, 0 if coarse else 1].long()
        if int(self.targets.max()) >= self.classes:
            raise ValueError(
                f"{path} has the label {int(self.targets.max())}, expected 0 to {self.classes - 1}: damaged"
            )
        self.images = records[:, 2:].reshape(-1, *self.shape)
        self.provenance = Provenance([path])
