"""DVS128 Gesture: hands and arms in front of an event camera."""

from pathlib import Path

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.recorded_files import PublishedRecordings


@DATASETS.register("dvs-gesture")
class DVSGesture(PublishedRecordings):
    """1,077 training and 264 test recordings of 29 people who make eleven gestures, 128x128 pixels.

    Files: ``<root>/dvs-gesture/DVSGesture/ibmGesture{Train,Test}/<user>_<light>/<class>.npy``, as tonic publishes them:
    cut into gestures, times in milliseconds. The split is by people, as published.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, 128, 128]; targets [N].

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.

    Source: Amir et al., "A low power, fully event-based gesture recognition system", CVPR 2017.
    """

    classes = 11
    samples = (1077, 264)
    licence = "CC BY 4.0"
    shape = (2, 128, 128)
    sensor_size = (128, 128, 2)
    reading = {"columns": "xypt", "time_unit": 1e-3}
    archives = {
        "train": (
            Archive(
                "ibmGestureTrain.tar.gz",
                "3a8f0d4120a166bac7591f77409cb105",
                "https://figshare.com/ndownloader/files/38022171",
                "ibmGestureTrain",
                "DVSGesture",
            ),
        ),
        "test": (
            Archive(
                "ibmGestureTest.tar.gz",
                "56070e45dadaa85fff82e0fbfbc06de5",
                "https://figshare.com/ndownloader/files/38020584",
                "ibmGestureTest",
                "DVSGesture",
            ),
        ),
    }
    folders = {"train": "DVSGesture/ibmGestureTrain", "test": "DVSGesture/ibmGestureTest"}
    suffixes = (".npy",)
    class_folders = tuple(str(number) for number in range(11))

    def layout(self) -> str:
        return f"{self.folders[self.split]}/<user>_<light>/<0 to 10>.npy"

    def class_of(self, path: Path, folder: Path) -> int:
        if path.parent.parent != folder or path.stem not in self.class_folders:
            raise ValueError(f"{path} is no gesture, expected {self.layout()}: move it, or delete it")
        return int(path.stem)
