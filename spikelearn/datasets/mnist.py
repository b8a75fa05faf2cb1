"""MNIST: handwritten digits."""

from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.idx import IdxDataset


@DATASETS.register("mnist")
class MNIST(IdxDataset):
    """60,000 training and 10,000 test images of handwritten digits, grey, in ten classes.

    Files: ``<root>/mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz``, downloaded where they are missing.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: images [N, 1, 28, 28], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: a file that is missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: LeCun, Bottou, Bengio & Haffner, Proceedings of the IEEE 86, 1998.
    """

    samples = (60_000, 10_000)
    licence = "CC BY-SA 3.0"
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "http://yann.lecun.com/exdb/mnist",
    )
    checksums = {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    }
