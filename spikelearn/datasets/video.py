"""Videos of one's own, as a simulated event camera sees them."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.checks import check_count, check_positive
from spikelearn.datasets.base import Split
from spikelearn.datasets.class_folders import by_class
from spikelearn.datasets.images_folder import is_picture, read_picture
from spikelearn.datasets.provenance import Provenance
from spikelearn.datasets.recorded_files import Item, RecordedFiles
from spikelearn.datasets.splits import chosen_of, part_of
from spikelearn.extras import from_extra
from spikelearn.recordings.video import Camera, events_of_video
from spikelearn.unpacking import read_header, read_npy, read_npz

#: Endings of files that hold a whole video each.
MOVING = (".gif", ".npy", ".npz")


class VideoFolder(RecordedFiles):
    """A folder of one's own with videos by class, each turned into events by a simulated camera.

    On the command line ``--data video:PATH``. Videos: ``PATH/<class>/NAME.gif``; ``NAME.npy`` or ``NAME.npz`` (the
    array ``frames``, or its only one) with frames [T, H, W], or with N videos [N, T, H, W]; a folder of pictures
    ``PATH/<class>/NAME/*``, in order of their names and of the numbers in them (2 before 10).
    ``PATH/{train,test}/<class>/...`` where there are both splits.
    Colours become grey.

    Args:
        split: "train" or "test".
        path: the folder.
        fps: frames per second.
        on, off: contrast, the change of log intensity that makes an event, rising and falling, dimensionless.
        refractory: time behind an event in which its pixel makes no other, seconds.
        black: intensity that is added, so that the logarithm of darkness exists, in units of the brightest.
        size: edge of the square that frames of pictures and GIFs become, pixels; 0: as they are.
        bin_width: width of a bin, seconds, from a video's first event on; 0: T bins divide every recording.
        test_fraction: share of the only split that is there which is held out as the test samples, of every class
            alike; 0: the folder has both.
        split_seed: seed of that choice.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, height, width]; targets [N].

    Raises:
        ValueError: no such folder or videos, one that cannot be read, of several sizes, or without any event; values
            out of range; one split alone and no ``test_fraction`` (or the other way round).

    Source: ``events_of_video``; data: your own.
    """

    def __init__(
        self,
        split: Split = "train",
        path: str | Path = ".",
        *,
        fps: float = 30.0,
        on: float = 0.25,
        off: float = 0.25,
        refractory: float = 0.0,
        black: float = 0.1,
        size: int = 0,
        bin_width: float = 0.0,
        test_fraction: float = 0.0,
        split_seed: int = 0,
    ) -> None:
        super().__init__(split)
        check_positive("fps", fps)
        check_count("size", size, 0)
        if bin_width:
            check_positive("bin_width", bin_width, "s")
        self.camera, self.fps, self.size, self.bin_width = (
            Camera(on, off, refractory, black),
            fps,
            size,
            bin_width or None,
        )
        self.camera.check()
        there = by_class(path, _is_frame, f"videos ({', '.join(MOVING)}, or folders of pictures)")
        part = part_of(Path(path), split, there.files, test_fraction)
        videos = dict.fromkeys(_videos(there.files[part]))
        items = [Item(place, number, target) for place, target in videos for number in range(count_videos(place))]
        self.take(items)
        if test_fraction:
            chosen = chosen_of(self.targets, split, test_fraction, split_seed).tolist()
            self.take([items[place] for place in chosen])
        self.classes, self.class_names = len(there.classes), there.classes
        height, width = np.asarray(next(frames_of(*self.items[0][:2], size))).shape
        self.sensor_size, self.shape = (width, height, 2), (2, height, width)

    def take(self, items: Any) -> None:
        super().take(items)
        paths = dict.fromkeys(item.path for item in items)
        self.provenance = Provenance([file for path in paths for file in files_of(path)])

    def recording(self, index: int) -> Any:
        events = events_of_video(self._frames(index), 1.0 / self.fps, self.camera)
        if not len(events):
            raise ValueError("it has no events: nothing moves, or the contrasts (on, off) are too high")
        return events

    def _frames(self, index: int) -> Iterator[Any]:
        """The frames of a video; raises ValueError where they have another size than the first video's."""
        for number, frame in enumerate(frames_of(*self.items[index][:2], self.size)):
            if frame.shape != self.shape[1:]:
                raise ValueError(
                    f"frame {number} has {list(frame.shape)} pixels (height, width), expected {list(self.shape[1:])} "
                    "as the first video: bring all to one size (size=N does it for pictures and GIFs)"
                )
            yield frame

    def stamp(self, index: int) -> Any:
        # Of a folder no single time tells that a picture in it has changed.
        return None if self.items[index].path.is_dir() else super().stamp(index)


def video_files(path: Path) -> list[Path]:
    """The files of a folder of videos, in order; raises ValueError as ``VideoFolder``."""
    files = by_class(path, _is_frame, "videos").files
    return [file for part in sorted(files) for file, _ in files[part]]


def files_of(video: Path) -> list[Path]:
    """The files of a video: its own, or the pictures of its folder, 2.png before 10.png."""
    return sorted(filter(is_picture, video.iterdir()), key=_by_number) if video.is_dir() else [video]


def _by_number(picture: Path) -> tuple[list[str | int], str]:
    """Letters and numbers of a name by turns, and the name, by which 01 and 1 differ."""
    parts = re.split(r"([0-9]+)", picture.name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], picture.name


def count_videos(path: Path) -> int:
    """The number of videos in a file, or of a folder of pictures; of an .npy file the header alone is read."""
    ending = path.suffix.lower()
    if ending == ".npz":
        shape: tuple[int, ...] = _array(path).shape
    elif ending == ".npy":
        with path.open("rb") as file:
            try:
                shape, _, kind = read_header(file, path.stat().st_size, "it")
            except Exception as error:  # a damaged header fails in any way that numpy's reader of it has
                raise ValueError(f"{path} is damaged or no npy file ({error}): write it with numpy.save") from error
        _check_frames(path, shape, kind)
    else:
        return 1
    return shape[0] if len(shape) == 4 else 1


def _check_frames(path: Path, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
    if len(shape) not in (3, 4) or kind.kind not in "uif" or 0 in shape:
        raise ValueError(f"{path} holds {kind} {list(shape)}, expected frames [T, H, W] or [N, T, H, W]")


def frames_of(path: Path, number: int = 0, size: int = 0) -> Iterator[Any]:
    """The frames of a video, bytes or intensities [H, W], one after another.

    Args:
        path: a file, or a folder of pictures.
        number: which video, in an array of several.
        size: edge of the square that frames of pictures and GIFs become, pixels; 0: as they are.

    Raises:
        ValueError: what cannot be read; arrays of another form.
    """
    if path.is_dir():
        for file in files_of(path):
            yield read_picture(file, size, "grey")[0].numpy()
    elif path.suffix.lower() == ".gif":
        yield from _frames_of_gif(path, size)
    else:
        array = _array(path)
        yield from array[number] if array.ndim == 4 else array


def _array(path: Path) -> np.ndarray[Any, Any]:
    status = path.stat()
    return _read_array(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _read_array(path: Path, *_: int) -> np.ndarray[Any, Any]:
    """The frames of a file of a size and time; one file of several videos is read once."""
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path)
        if "frames" not in arrays and len(arrays) != 1:
            raise ValueError(f"{path} holds {', '.join(arrays) or 'nothing'}, expected an array frames [T, H, W]")
        array = arrays["frames"] if "frames" in arrays else next(iter(arrays.values()))
    else:
        array = read_npy(path)
    _check_frames(path, array.shape, array.dtype)
    return array


def _frames_of_gif(path: Path, size: int) -> Iterator[Any]:
    image = from_extra("PIL.Image", "reading videos", "images")
    number = 0
    try:
        with image.open(path) as film:
            for number in range(getattr(film, "n_frames", 1)):
                film.seek(number)
                shown = film.convert("L")
                yield np.array(shown.resize((size, size)) if size else shown)
    except (OSError, ValueError, SyntaxError, IndexError, image.DecompressionBombError) as error:
        raise ValueError(f"frame {number} of {path} cannot be read ({error}): restore it, or leave it out") from error


def _is_frame(path: Path) -> bool:
    return path.suffix.lower() in MOVING or is_picture(path)


def _videos(files: list[tuple[Path, int]]) -> Iterator[tuple[Path, int]]:
    """(video, class number) of all files: a folder of pictures is one."""
    for file, target in files:
        yield (file if file.suffix.lower() in MOVING else file.parent), target
