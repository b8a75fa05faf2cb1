"""Kuzushiji-MNIST: cursive Japanese characters."""

from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.idx import IdxDataset


@DATASETS.register("kmnist")
class KMNIST(IdxDataset):
    """60,000 training and 10,000 test images of cursive Japanese characters, grey, in ten balanced classes.

    Files: ``<root>/kmnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz``, downloaded where they are missing.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: images [N, 1, 28, 28], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: a file that is missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: Clanuwat et al., "Deep learning for classical Japanese literature", arXiv 1812.01718, 2018.
    """

    samples = (60_000, 10_000)
    licence = "CC BY-SA 4.0"
    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist",)
    checksums = {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    }
