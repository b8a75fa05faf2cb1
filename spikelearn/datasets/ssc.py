"""Spiking Speech Commands: spoken words through a cochlea model."""

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.heidelberg import HeidelbergSet


@DATASETS.register("ssc")
class SSC(HeidelbergSet):
    """75,466 training and 20,382 test recordings of spoken commands, in 35 classes.

    Files: ``<root>/ssc/SSC/ssc_{train,test}.h5``, unpacked from ``ssc_{train,test}.h5.zip``, which are
    downloaded where they are missing. The published validation file is
    not read: samples to validate with are held out of those of training.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x (unit 0 to 699), y 0, t (microseconds), p 0; binned [T, B, 1, 1, 700]; targets [N].

    Raises:
        ValueError: no file and no download, a damaged one, labels that are no classes.

    Source: Cramer, Stradmann, Schemmel & Zenke, IEEE Transactions on Neural Networks and Learning Systems, 2020.
    """

    classes = 35
    samples = (75_466, 20_382)
    licence = "CC BY 4.0"
    files = {"train": "SSC/ssc_train.h5", "test": "SSC/ssc_test.h5"}
    archives = {
        "train": (
            Archive(
                "ssc_train.h5.zip",
                "d102be95e7144fcc0553d1f45ba94170",
                "https://zenkelab.org/datasets/ssc_train.h5.zip",
                "ssc_train.h5",
                "SSC",
            ),
        ),
        "test": (
            Archive(
                "ssc_test.h5.zip",
                "a35ff1e9cffdd02a20eb850c17c37748",
                "https://zenkelab.org/datasets/ssc_test.h5.zip",
                "ssc_test.h5",
                "SSC",
            ),
        ),
    }
