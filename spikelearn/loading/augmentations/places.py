"""Events that move on the sensor."""

import numpy as np

from spikelearn.checks import check_count, check_fraction, check_not_negative, check_positive
from spikelearn.loading.augmentations.base import AUGMENTATIONS, Augmentation, Sensor, chosen, moved
from spikelearn.recordings import RecordedEvents


@AUGMENTATIONS.register("shift")
class Shift(Augmentation):
    """All events of a recording move by the same whole pixels, right and down, each from -m to m, all alike.

    Args:
        pixels: m, whole pixels; events that leave the sensor are left out.

    Shapes: N events -> at most N, those that stay on the sensor.

    Raises:
        ValueError: ``pixels`` below 0.

    Source: standard. deviation: tonic's ``SpatialJitter`` cuts real numbers off towards 0, which moves events by half a
    pixel up and left; these are whole.
    """

    def __init__(self, pixels: int) -> None:
        check_count("pixels", pixels, 0)
        self.pixels = pixels

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        right, down = generator.integers(-self.pixels, self.pixels, 2, endpoint=True)
        return moved(events, events.x + right, events.y + down, sensor)


@AUGMENTATIONS.register("crop")
class Crop(Augmentation):
    r"""A window at a place of its own, all places alike, moves to the middle of the sensor; the rest is left out.

    With the binning's ``crop`` of the same size the window is what is seen. Its left edge is
    $U\{0, \dots, W - w\}$, the last place included, its upper edge likewise.

    Args:
        width, height: w and h, pixels.

    Shapes: N events -> at most N.

    Raises:
        ValueError: a size below 1, or above that of the sensor.

    Source: standard. deviation: tonic's ``RandomCrop`` never takes the last place.
    """

    def __init__(self, width: int, height: int) -> None:
        check_count("width", width)
        check_count("height", height)
        self.width, self.height = width, height

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        free_x, free_y = sensor[0] - self.width, sensor[1] - self.height
        if free_x < 0 or free_y < 0:
            raise ValueError(
                f"a window of {self.width} x {self.height} pixels is larger than the sensor, {sensor[0]} x {sensor[1]}"
            )
        left, top = int(generator.integers(free_x, endpoint=True)), int(generator.integers(free_y, endpoint=True))
        x, y = events.x - left, events.y - top
        kept = chosen(
            RecordedEvents(x, y, events.t, events.p), (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        )
        return moved(kept, kept.x + free_x // 2, kept.y + free_y // 2, sensor)


@AUGMENTATIONS.register("flip")
class Flip(Augmentation):
    r"""With a probability a recording is seen in a mirror, $x' = W - 1 - x$.

    Args:
        p: the probability, in [0, 1].

    Shapes: N events -> N.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: standard.
    """

    def __init__(self, p: float = 0.5) -> None:
        check_fraction("p", p)
        self.p = p

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        if generator.random() >= self.p:
            return events
        return RecordedEvents(sensor[0] - 1 - events.x, events.y, events.t, events.p)


@AUGMENTATIONS.register("turn")
class Turn(Augmentation):
    r"""A recording turns about the middle of the sensor by $U[-\alpha, \alpha]$ and grows by $s^u$, $u \sim U[-1, 1]$.

    A pixel moves with its middle, $(x - (W-1)/2, y - (H-1)/2)$ turned and times the scale, and is rounded to the
    nearest.

    Args:
        degrees: $\alpha$, degrees.
        scale: s, 1 or more, dimensionless.

    Shapes: N events -> at most N, those that stay on the sensor.

    Raises:
        ValueError: ``degrees`` negative; a scale below 1.

    Source: standard.
    """

    def __init__(self, degrees: float = 0.0, *, scale: float = 1.0) -> None:
        check_not_negative("degrees", degrees)
        check_positive("scale", scale)
        if scale < 1.0:
            raise ValueError(f"scale is {scale}, expected 1 or more: it is the largest, 1 / scale the smallest")
        self.degrees, self.scale = degrees, scale

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        angle = np.deg2rad(self.degrees) * generator.uniform(-1.0, 1.0)
        scale = self.scale ** generator.uniform(-1.0, 1.0)
        middle_x, middle_y = (sensor[0] - 1) / 2, (sensor[1] - 1) / 2
        x, y = events.x - middle_x, events.y - middle_y
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        new_x, new_y = cosine * x - sine * y + middle_x, sine * x + cosine * y + middle_y
        return moved(events, _nearest(new_x), _nearest(new_y), sensor)


def _nearest(place: np.ndarray) -> np.ndarray:
    """The nearest whole number; what lies between two goes up, so that nothing is drawn towards 0."""
    whole: np.ndarray = np.floor(place + 0.5).astype(np.int64)
    return whole
