"""Recordings of any length as a run's network sees them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from spikelearn.data_root import written_out
from spikelearn.datasets import EventDataset
from spikelearn.recordings import chunks, stream_recording
from spikelearn.runs.settings import Settings


def pieces_of(settings: Settings, path: str | Path, width: float | None, n_steps: int) -> Iterator[Tensor]:
    """A file of events, binned as a run's recordings are, ``n_steps`` steps at a time, [T, P, H, W].

    Args:
        settings: of the run.
        path: the file.
        width: width of a bin, seconds; None: that of the run.
        n_steps: steps of a piece.

    Raises:
        ValueError: a run of other data; no width where T bins divided the run's recordings; another sensor; and as
            ``stream_recording`` and ``chunks``.
    """
    data = settings.make_dataset("test")
    if not isinstance(data, EventDataset):
        raise ValueError(f"the run's data {settings.data!r} are no recordings of events: leave --recording out")
    binning = data.bins()
    if width is not None:
        binning = replace(binning, width=width, count=0, equal=False)
    if not binning.width:
        raise ValueError(
            f"the run's {settings.steps} steps divided every recording, however long: say how long one of a stream is, "
            "for example --width 0.003 (seconds)"
        )
    reading = getattr(data, "reading", {})
    recording = stream_recording(written_out(path, "the recording"), **reading)
    if recording.sensor is not None and recording.sensor != data.sensor_size[:2]:
        raise ValueError(
            f"{path} names a sensor of {recording.sensor[0]} x {recording.sensor[1]} pixels, expected "
            f"{data.sensor_size[0]} x {data.sensor_size[1]}, that of the run's data"
        )
    return chunks(recording, binning, data.sensor_size, n_steps)
