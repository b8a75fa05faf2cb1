"""Pictures of recordings of events: where, when, and both; and a moving one."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, clean
from spikelearn.recordings import RecordedEvents

#: Events that are drawn as dots at most, spread evenly over the recording.
MOST_DOTS = 20_000

#: Colours of OFF and ON.
OFF, ON = COLOURS[0], COLOURS[1]

#: Pixels of the edge of a moving picture, at least.
EDGE = 256


def events(recording: RecordedEvents, sensor_size: tuple[int, int, int], *, title: str = "") -> Figure:
    """A recording as a frame (events of a pixel, ON above and OFF below 0), a raster over time and a cloud.

    Args:
        recording: checked events, as ``as_events`` gives them.
        sensor_size: width, height (pixels) and number of polarities.
        title: what stands above.

    Raises:
        ValueError: no events.
    """
    if len(recording.t) == 0:
        raise ValueError("the recording has no events: draw another one")
    figure = Figure(figsize=(12, 4), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    frame, raster = figure.add_subplot(1, 3, 1), figure.add_subplot(1, 3, 2)
    _frame(frame, recording, sensor_size)
    chosen = np.linspace(0, len(recording.t) - 1, min(len(recording.t), MOST_DOTS)).astype(np.int64)
    seconds = (recording.t - recording.t[0]) * 1e-6
    colours = np.where(recording.p[chosen] > 0, ON, OFF) if sensor_size[2] > 1 else "black"
    number = recording.y * sensor_size[0] + recording.x
    raster.scatter(seconds[chosen], number[chosen], s=1, c=colours, linewidths=0)
    raster.set_xlabel("time (s)")
    raster.set_ylabel("pixel, row by row" if sensor_size[1] > 1 else "unit")
    clean(raster)
    cloud = figure.add_subplot(1, 3, 3, projection="3d")
    cloud.scatter(seconds[chosen], recording.x[chosen], -recording.y[chosen], s=1, c=colours, linewidths=0)
    cloud.set_xlabel("time (s)")
    cloud.set_ylabel("x")
    cloud.set_zlabel("-y")
    return figure


def _frame(axis: Axes, recording: RecordedEvents, sensor_size: tuple[int, int, int]) -> None:
    width, height, polarities = sensor_size
    signs = np.where(recording.p > 0, 1, -1) if polarities > 1 else np.ones(len(recording.p), np.int64)
    flat = np.bincount(recording.y * width + recording.x, weights=signs, minlength=width * height)
    if height == 1:
        axis.bar(np.arange(width), flat, width=1.0, color="black")
        axis.set_xlabel("unit")
        axis.set_ylabel("events")
        clean(axis)
        return
    most = max(float(np.quantile(np.abs(flat), 0.99)), 1.0)
    axis.imshow(flat.reshape(height, width), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    axis.set_xlabel("ON less OFF events of a pixel" if polarities > 1 else "events of a pixel")


def moving(frames: np.ndarray, *, seconds: float = 0.1) -> bytes:
    """Binned frames as a GIF: ON red, OFF blue, on white.

    Args:
        frames: bytes of 0 and 1, [T, P, H, W].
        seconds: how long each is shown.
    """
    from PIL import Image

    pictures: Sequence[Image.Image] = [Image.fromarray(_coloured(frame)) for frame in frames]
    height, width = frames.shape[2:]
    scale = max(1, EDGE // max(height, width))
    tall = max(height, 8 if height == 1 else 1)  # a single row would not be seen
    shown = [picture.resize((width * scale, tall * scale), Image.Resampling.NEAREST) for picture in pictures]
    content = io.BytesIO()
    shown[0].save(content, "GIF", save_all=True, append_images=shown[1:], duration=round(1000 * seconds), loop=0)
    return content.getvalue()


def _coloured(frame: np.ndarray) -> np.ndarray:
    colours = [tuple(int(word[place : place + 2], 16) for place in (1, 3, 5)) for word in (OFF, ON)]
    picture = np.full((*frame.shape[1:], 3), 255, np.uint8)
    for channel, plane in enumerate(frame):
        picture[plane > 0] = colours[channel if len(frame) > 1 else 1]
    return picture
