"""DVS-Lip: lips that say words, in front of an event camera."""

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.recorded_files import PublishedRecordings

_NAMES = (
    "accused action allow allowed america american another around attacks banks become being benefit "
    "benefits between billion called capital challenge change chief couple court death described "
    "difference different during economic education election england evening everything exactly general "
    "germany giving ground happen happened having heavy house hundreds immigration judge labour leaders "
    "legal little london majority meeting military million minutes missing needs number numbers paying "
    "perhaps point potential press price question really right russia russian saying security several "
    "should significant spend spent started still support syria syrian taken taking terms these thing "
    "think times tomorrow under warning water welcome words worst years young"
)

#: The words, in the order of the class numbers.
WORDS = tuple(_NAMES.split())

_ARCHIVE = Archive(
    "DVS-Lip.zip",
    "2dcb959255122d4cdeb6094ca282494b",
    unpacks="DVS-Lip",
    into="DVSLip",
    page="https://sites.google.com/view/event-based-lipreading",
)


@DATASETS.register("dvs-lip")
class DVSLip(PublishedRecordings):
    """14,896 training and 4,975 test recordings of 40 people who say 100 words, 128x128 pixels.

    Files: ``<root>/dvs-lip/DVSLip/DVS-Lip/{train,test}/<word>/*.npy``, unpacked from ``DVSLip/DVS-Lip.zip``, which its
    page hands out by hand. The split is by people, as published.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, 128, 128]; targets [N].

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.

    Source: Tan, Wang, Han, Cao, Wu & Zha, "Multi-grained spatio-temporal features perceived network for event-based
    lip-reading", CVPR 2022.
    """

    classes = 100
    samples = (14_896, 4975)
    shape = (2, 128, 128)
    sensor_size = (128, 128, 2)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}
    folders = {"train": "DVSLip/DVS-Lip/train", "test": "DVSLip/DVS-Lip/test"}
    suffixes = (".npy",)
    class_folders = WORDS
