"""POKER-DVS: card symbols that pass an event camera."""

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.recorded_files import PublishedRecordings

_PAGE = "http://www2.imse-cnm.csic.es/caviar/POKERDVS.html"


@DATASETS.register("poker-dvs")
class PokerDVS(PublishedRecordings):
    """48 training and 20 test recordings of the symbols of playing cards, 35x35 pixels, in four classes.

    Files: ``<root>/poker-dvs/POKERDVS/pips_{train,test}/<cl, he, di or sp>/*.npy``, columns t, x, y, p, unpacked from
    ``POKERDVS/pips_{train,test}.tar.gz``, which tonic's releases up to 1.0 hand out.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, 35, 35]; targets [N].

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.

    Source: Serrano-Gotarredona & Linares-Barranco, Frontiers in Neuroscience 9, 2015; the split is tonic's.
    """

    classes = 4
    samples = (48, 20)
    shape = (2, 35, 35)
    sensor_size = (35, 35, 2)
    reading = {"columns": "txyp"}
    archives = {
        "train": (
            Archive(
                "pips_train.tar.gz",
                "412bcfb96826e4fcb290558e8c150aae",
                unpacks="pips_train",
                into="POKERDVS",
                most=1 << 30,
                page=_PAGE,
            ),
        ),
        "test": (
            Archive(
                "pips_test.tar.gz",
                "eef2bf7d0d3defae89a6fa98b07c17af",
                unpacks="pips_test",
                into="POKERDVS",
                most=1 << 30,
                page=_PAGE,
            ),
        ),
    }
    folders = {"train": "POKERDVS/pips_train", "test": "POKERDVS/pips_test"}
    suffixes = (".npy",)
    class_folders = ("cl", "he", "di", "sp")
