"""A folder of one's own with recordings of events, a folder a class."""

from pathlib import Path

import numpy as np

from spikelearn.checks import check_count, check_positive
from spikelearn.datasets.base import Split
from spikelearn.datasets.class_folders import by_class
from spikelearn.datasets.recorded_files import Item, RecordedFiles
from spikelearn.datasets.splits import chosen_of, part_of
from spikelearn.recordings import EVENT, Recording, sensor_from
from spikelearn.recordings.readers import FORMATS, count_recordings, is_recording, read_recording


class RecordingsFolder(RecordedFiles):
    """A folder of one's own with recordings of events by class, of any format that ``read_recording`` knows.

    On the command line ``--data folder:PATH``. Files: ``PATH/<class>/*``, or ``PATH/{train,test}/<class>/*``.

    Args:
        split: "train" or "test".
        path: the folder.
        sensor: width and height of the sensor, such as "128x128" (pixels); empty: what the files name.
        polarities: 2, or 1 where all events have the same.
        bin_width: width of a bin, seconds, from a recording's first event on; 0: T bins divide every recording.
        columns: order of columns without names, such as "txyp", in .npy, .csv and .txt files.
        time_unit: length of a unit of the files' times, seconds; 0: what the format says, else a microsecond.
        test_fraction: share of the only split that is there which is held out as the test samples, of every class
            alike; 0: the folder has both.
        split_seed: seed of that choice.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, polarities, height, width]; targets [N].

    Raises:
        ValueError: no such folder or recordings, a sensor that is not known, one split alone and no ``test_fraction``
            (or the other way round); a recording that is damaged or of another sensor, when it is binned.

    Source: data: your own; formats: docs/recordings.md.
    """

    def __init__(
        self,
        split: Split = "train",
        path: str | Path = ".",
        *,
        sensor: str = "",
        polarities: int = 2,
        bin_width: float = 0.0,
        columns: str = "",
        time_unit: float = 0.0,
        test_fraction: float = 0.0,
        split_seed: int = 0,
    ) -> None:
        super().__init__(split)
        check_count("polarities", polarities)
        for name, value in (("bin_width", bin_width), ("time_unit", time_unit)):
            if value != 0.0:
                check_positive(name, value, "s")
        self.reading = {"columns": columns, "time_unit": time_unit or None}
        self.bin_width = bin_width or None
        there = by_class(path, is_recording, f"recordings ({', '.join(FORMATS)})")
        part = part_of(Path(path), split, there.files, test_fraction)
        items = [
            Item(file, number, target)
            for file, target in there.files[part]
            for number in range(count_recordings(file) if file.suffix.lower() in (".h5", ".hdf5") else 1)
        ]
        self.take(items)
        self.classes, self.class_names = len(there.classes), there.classes
        width, height = self._sensor(sensor)
        self.sensor_size = (width, height, polarities)
        self.shape = (polarities, height, width)
        if test_fraction:
            chosen = chosen_of(self.targets, split, test_fraction, split_seed).tolist()
            self.take([items[place] for place in chosen])

    def _sensor(self, text: str) -> tuple[int, int]:
        """The sensor that is said, or that the first recording names."""
        path, number, _ = self.items[0]
        first = Recording(np.zeros(0, EVENT)) if text else read_recording(path, number=number, **self.reading)
        if not text and first.sensor is None:
            raise ValueError(
                f"{path} does not name its sensor: say it, for example --data-option sensor=128x128 (width x height, "
                "pixels)"
            )
        return sensor_from(text, first)


def recording_files(path: Path) -> list[Path]:
    """The files of a folder of recordings, in order; raises ValueError as ``RecordingsFolder``."""
    files = by_class(path, is_recording, "recordings").files
    return [file for part in sorted(files) for file, _ in files[part]]
