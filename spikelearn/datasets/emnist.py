"""EMNIST: handwritten digits and letters."""

from pathlib import Path

from spikelearn.checks import check_choice
from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS, ImageDataset, Split
from spikelearn.datasets.idx import IMAGES_MAGIC, LABELS_MAGIC, idx_file, read_pair
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.recorded_files import fetch_archives

#: Classes of each part of the set.
PARTS = {"balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10}

_ARCHIVE = Archive(
    "gzip.zip",
    "58c8d27c78d21e728a6bc7b3cc06412e",
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    "gzip",
    most=2 << 30,
)


@DATASETS.register("emnist")
class EMNIST(ImageDataset):
    """Images of handwritten digits and letters, grey, upright, in 10 to 62 classes: six parts of one set.

    Files: ``<root>/emnist/gzip/emnist-<part>-{train,test}-{images-idx3,labels-idx1}-ubyte.gz``, unpacked from
    ``gzip.zip``, which is downloaded where it is missing (560 MB). The published images lie on their side; here they
    are turned. Of "letters" the class 0 is A, which the files call 1.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.
        part: "balanced", "byclass", "bymerge", "digits", "letters" or "mnist".

    Shapes: images [N, 1, 28, 28], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: an unknown part; files that are missing and cannot be downloaded, cut short or damaged.

    Source: Cohen, Afshar, Tapson & van Schaik, "EMNIST: extending MNIST to handwritten letters", IJCNN 2017.
    """

    classes = 47
    shape = (1, 28, 28)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}

    def __init__(self, split: Split = "train", root: str | Path | None = None, *, part: str = "balanced") -> None:
        super().__init__(split, root)
        check_choice("part", part, PARTS)
        folder = self.folder / "gzip"
        paths = [folder / f"emnist-{part}-{split}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
        if not all(path.is_file() for path in paths):
            fetch_archives(self.folder, self.archives[split])
        images, labels = read_pair(idx_file(paths[0], IMAGES_MAGIC), idx_file(paths[1], LABELS_MAGIC))
        if tuple(images.shape[1:]) != self.shape:
            raise ValueError(f"{paths[0]} has images {list(images.shape[2:])}, expected 28 x 28 pixels")
        self.classes = PARTS[part]
        self.images = images.transpose(2, 3).contiguous()
        self.targets = labels.long() - (1 if part == "letters" else 0)
        if int(self.targets.min()) < 0 or int(self.targets.max()) >= self.classes:
            raise ValueError(f"{paths[1]} has labels that are none of the {self.classes} classes: it is damaged")
        self.provenance = Provenance(paths)
