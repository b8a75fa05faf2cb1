"""Spiking Heidelberg Digits: spoken digits through a cochlea model."""

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.heidelberg import HeidelbergSet


@DATASETS.register("shd")
class SHD(HeidelbergSet):
    """8,156 training and 2,264 test recordings of spoken digits, English and German, in twenty classes.

    Files: ``<root>/shd/SHD/shd_{train,test}.h5``, unpacked from ``shd_{train,test}.h5.zip``, which are
    downloaded where they are missing.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x (unit 0 to 699), y 0, t (microseconds), p 0; binned [T, B, 1, 1, 700]; targets [N].

    Raises:
        ValueError: no file and no download, a damaged one, labels that are no classes.

    Source: Cramer, Stradmann, Schemmel & Zenke, IEEE Transactions on Neural Networks and Learning Systems, 2020.
    """

    classes = 20
    samples = (8156, 2264)
    licence = "CC BY 4.0"
    files = {"train": "SHD/shd_train.h5", "test": "SHD/shd_test.h5"}
    archives = {
        "train": (
            Archive(
                "shd_train.h5.zip",
                "f3252aeb598ac776c1b526422d90eecb",
                "https://zenkelab.org/datasets/shd_train.h5.zip",
                "shd_train.h5",
                "SHD",
            ),
        ),
        "test": (
            Archive(
                "shd_test.h5.zip",
                "1503a5064faa34311c398fb0a1ed0a6f",
                "https://zenkelab.org/datasets/shd_test.h5.zip",
                "shd_test.h5",
                "SHD",
            ),
        ),
    }
