"""Frames of a video as a simulated event camera sees them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from spikelearn.checks import check_not_negative, check_positive
from spikelearn.recordings.events import EVENT, Column

#: A change of so much less than a whole number of contrasts counts as that, for rounding's sake.
ROUNDING = 1e-9


class Camera(NamedTuple):
    """A simulated event camera.

    Args:
        on, off: contrast, the change of log intensity that makes an event, rising and falling, dimensionless.
        refractory: time behind an event in which its pixel makes no other, seconds.
        black: intensity that is added, so that the logarithm of darkness exists, in units of the brightest.
    """

    on: float = 0.25
    off: float = 0.25
    refractory: float = 0.0
    black: float = 0.1

    def check(self) -> None:
        """Raise ValueError where a value is out of range."""
        for name in ("on", "off", "black"):
            check_positive(name, getattr(self, name))
        check_not_negative("refractory", self.refractory)


def events_of_video(frames: Iterable[Any], frame_time: float, camera: Camera | None = None) -> Column:
    r"""The events that a camera makes of frames, structured as ``EVENT``, in order of time.

    The log intensity of a pixel, $l = \ln(x + b)$, goes straight from frame to frame. A pixel has a reference, at first
    the l of the first frame; where l has risen (fallen) by the contrast $\vartheta$ from it there is an event ON (OFF),
    at the very time of the crossing, rounded to microseconds, and the reference moves by $\vartheta$. So a rise by D
    has $\lfloor D/\vartheta \rfloor$ events. An event that comes less than the refractory time behind the last one of
    its pixel is left out; the reference moves all the same.

    Args:
        frames: [T, H, W], one after another, bytes or intensities in [0, 1]; two are in memory at a time.
        frame_time: time from frame to frame, seconds.
        camera: contrasts, refractory time and darkness; None: those by default.

    Raises:
        ValueError: fewer than two frames, frames of several sizes or not of two axes, intensities outside [0, 1], a
            time that is not positive; the frame is named.

    Source: Rebecq, Gehrig & Scaramuzza, CoRL 2018 (ESIM); Hu, Liu & Delbruck, CVPR Workshops 2021 (v2e). deviation:
    contrasts are the same for all pixels, and there is no noise.
    """
    camera = camera or Camera()
    camera.check()
    check_positive("frame_time", frame_time, "s")
    before: Any = None
    parts: list[Column] = []
    number = -1
    for number, frame in enumerate(frames):
        now = np.log(_intensity(frame, number, None if before is None else before.shape) + camera.black)
        if before is None:
            reference, last = now.copy(), np.full(now.shape, -np.inf)
        else:
            for sign, contrast in ((1, camera.on), (-1, camera.off)):
                start = (number - 1) * frame_time
                parts += _crossings(before, now, reference, last, sign, contrast, start, frame_time, camera.refractory)
        before = now
    if number < 1:
        raise ValueError(f"a video has {number + 1} frames, expected two at least")
    events = np.concatenate([np.zeros(0, EVENT), *parts])
    return events[np.argsort(events["t"], kind="stable")]


def _intensity(frame: Any, number: int, shape: tuple[int, ...] | None) -> Column:
    """A frame as intensities in [0, 1], float64."""
    values = np.asarray(frame)
    if values.ndim != 2 or values.dtype.kind not in "uif" or not values.size:
        raise ValueError(f"frame {number} is {values.dtype} {list(values.shape)}, expected numbers [H, W]")
    if shape is not None and values.shape != shape:
        raise ValueError(f"frame {number} has {list(values.shape)} pixels and the one before {list(shape)}")
    scaled = values / 255.0 if values.dtype == np.uint8 else values.astype(np.float64)
    if not (scaled.min() >= 0.0 and scaled.max() <= 1.0):
        raise ValueError(
            f"frame {number} goes from {values.min()} to {values.max()}, expected bytes (uint8), or intensities in "
            "[0, 1]"
        )
    return scaled


def _crossings(
    before: Column,
    now: Column,
    reference: Column,
    last: Column,
    sign: int,
    contrast: float,
    start: float,
    frame_time: float,
    refractory: float,
) -> list[Column]:
    """The events of one polarity between two frames; moves ``reference`` and the times of the ``last`` events."""
    change = sign * (now - reference) / contrast
    counts = np.floor(change * (1.0 + ROUNDING)).clip(min=0).astype(np.int64)
    counts[sign * (now - before) <= 0] = 0  # what is crossed lies on the way
    parts = []
    for number in range(1, int(counts.max(initial=0)) + 1):
        y, x = np.nonzero(counts >= number)
        level = reference[y, x] + sign * number * contrast
        share = ((level - before[y, x]) / (now[y, x] - before[y, x])).clip(0.0, 1.0)
        t = start + share * frame_time
        free = t - last[y, x] >= refractory * (1.0 - ROUNDING)
        y, x, t = y[free], x[free], t[free]
        last[y, x] = t
        part = np.empty(len(t), EVENT)
        part["x"], part["y"], part["t"], part["p"] = x, y, np.rint(t * 1e6), sign > 0
        parts.append(part)
    reference += sign * counts * contrast
    return parts
