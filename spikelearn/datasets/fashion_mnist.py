"""Fashion-MNIST: articles of clothing."""

from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.idx import IdxDataset


@DATASETS.register("fashion-mnist")
class FashionMNIST(IdxDataset):
    """60,000 training and 10,000 test images of clothing, grey, in ten balanced classes.

    Files: ``<root>/fashion-mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz``, downloaded where they are missing.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: images [N, 1, 28, 28], intensity 0 to 255 (``pixels``: 0 to 1, dimensionless); targets [N].

    Raises:
        ValueError: a file that is missing and cannot be downloaded, cut short, damaged or of another kind.

    Source: Xiao, Rasul & Vollgraf, arXiv 1708.07747, 2017.
    """

    samples = (60_000, 10_000)
    licence = "MIT"
    mirrors = (
        "https://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    )
    checksums = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
