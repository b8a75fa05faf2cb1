"""A recording in a file as the input of a simulated network, read while it goes on."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_not_negative
from spikelearn.data_root import written_out
from spikelearn.recordings import Binning, StreamedRecording, chunks, sensor_from, stream_recording
from spikelearn.simulation.sources import SOURCES, Place, Source

#: Steps that are binned together.
TOGETHER = 100

#: Bytes at the beginning and at the end of a file by which it is known again.
KNOWN_BY = 1 << 20


@SOURCES.register("recording")
class FromFile(Source):
    """The recording of events in a file, read in parts while the simulation goes on; behind its end there is silence.

    Memory does not grow with the file where its format is read in parts (.bin, .aedat, .aedat4, .raw, .dat, .h5, .hdf5,
    .npy). All samples that are simulated side by side get the same.

    Args:
        path: the file, of any format that ``read_recording`` knows.
        width: width of a bin, seconds; 0: the network's time step.
        sensor: width and height of the sensor, such as "128x128" (pixels); empty: what the file names.
        polarities: 2, or 1 where all events have the same.
        polarity: "separate", "merged" or "signed", as in ``Binning``.
        counts: whether events of one bin, pixel and polarity are counted; else they are 1 together.
        crop: what is seen in the middle of the sensor, as in "28x28"; empty: all.
        down: edge of the squares of pixels that become one pixel.
        columns: order of columns without names, such as "txyp".
        time_unit: length of a unit of the file's times, seconds; 0: what the format says, else a microsecond.

    Shapes: steps [T, B, ...]: bytes of 0 and 1; float32 where events are counted or signed. [P, H, W] where the network
    takes images, else the same in one row.

    Raises:
        ValueError: a file that cannot be read, a sensor that is not known, or of another size than the network's input.

    Source: ``Binning``, and docs/recordings.md for the formats.
    """

    def __init__(
        self,
        path: str,
        *,
        width: float = 0.0,
        sensor: str = "",
        polarities: int = 2,
        polarity: str = "separate",
        counts: bool = False,
        crop: str = "",
        down: int = 1,
        columns: str = "",
        time_unit: float = 0.0,
    ) -> None:
        check_not_negative("width", width)
        check_not_negative("time_unit", time_unit)
        check_count("polarities", polarities)
        self.width, self.options = width, {"polarity": polarity, "counts": counts, "crop": crop, "down": down}
        self.recording: StreamedRecording = stream_recording(
            written_out(path, "the recording"), columns=columns, time_unit=time_unit or None
        )
        self.sensor_size = (*sensor_from(sensor, self.recording), polarities)
        self.binning(1.0).shape_of(self.sensor_size)  # raises where it cannot be
        self._pieces: Iterator[Tensor] = iter(())
        self._number, self._piece = -1, torch.empty(0)

    def binning(self, dt: float) -> Binning:
        """The bins of a network whose time step is ``dt``, seconds."""
        return Binning(width=self.width or dt, **self.options)  # type: ignore[arg-type]

    def check(self, place: Place) -> None:
        shape = self.binning(place.dt).shape_of(self.sensor_size)
        size = torch.Size(shape).numel()
        if place.shape not in (shape, (size,)):
            raise ValueError(
                f"a step of {self.recording.path} has the shape {list(shape)}, or {size} in a row, expected "
                f"{list(place.shape)} of the network: crop it, put pixels together (down=2), or take another network"
            )

    def stamp(self) -> str:
        """Size of the file, and the md5 of its beginning and end: all of a long one would take too long to read."""
        size = self.recording.path.stat().st_size
        with self.recording.path.open("rb") as file:
            known = hashlib.md5(file.read(KNOWN_BY), usedforsecurity=False)
            file.seek(max(size - KNOWN_BY, 0))
            known.update(file.read(KNOWN_BY))
        return f"{self.recording.path.name}, {size} bytes, {known.hexdigest()}"

    def at(self, first: int, count: int, place: Place) -> Tensor:
        parts, step, end = list[Tensor](), first, first + count
        while step < end:
            number, t = divmod(step, TOGETHER)
            parts.append(self._block(number, place)[t : t + end - step])
            step += len(parts[-1])
        steps = torch.cat(parts).reshape(count, 1, *place.shape)
        return steps.expand(count, place.samples, *place.shape)

    def _block(self, number: int, place: Place) -> Tensor:
        """Steps of the ``number``-th block; going back begins the file anew."""
        if number < self._number or self._number < 0:
            self._pieces = chunks(self.recording, self.binning(place.dt), self.sensor_size, TOGETHER)
            self._number = -1
        while self._number < number:
            piece = next(self._pieces, None)
            self._number = number if piece is None else self._number + 1
            shape = (TOGETHER, *self.binning(place.dt).shape_of(self.sensor_size))
            self._piece = torch.zeros(shape, dtype=torch.uint8 if piece is None else piece.dtype)
            if piece is not None:
                self._piece[: len(piece)] = piece
        return self._piece
