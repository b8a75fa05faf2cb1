"""Events that are left out, and events that nothing caused."""

import numpy as np

from spikelearn.checks import check_fraction, check_not_negative
from spikelearn.loading.augmentations.base import AUGMENTATIONS, Augmentation, Sensor, chosen, in_order
from spikelearn.recordings import RecordedEvents


@AUGMENTATIONS.register("drop")
class Drop(Augmentation):
    """Every event is left out with a probability, independently.

    Args:
        share: the probability, in [0, 1), dimensionless.

    Shapes: N events -> at most N.

    Raises:
        ValueError: ``share`` outside [0, 1).

    Source: Gu, Sng, Hu & Yu, "EventDrop", IJCAI 2021. deviation: there, and in tonic, a fixed number is left out.
    """

    def __init__(self, share: float) -> None:
        check_fraction("share", share, below_one=True)
        self.share = share

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        return chosen(events, generator.random(len(events.t)) >= self.share)


@AUGMENTATIONS.register("drop-area")
class DropArea(Augmentation):
    r"""The events of a rectangle are left out that has the share a of both edges, at a place of its own.

    It is $\lfloor a W + 1/2 \rfloor$ pixels wide, its left edge $U\{0, \dots, W - w\}$; likewise down.

    Args:
        share: a, share of an edge, in [0, 1).

    Shapes: N events -> at most N.

    Raises:
        ValueError: ``share`` outside [0, 1).

    Source: Gu, Sng, Hu & Yu, "EventDrop", IJCAI 2021. deviation: tonic's is a pixel narrower and lower, and never
    reaches the last column and row.
    """

    def __init__(self, share: float) -> None:
        check_fraction("share", share, below_one=True)
        self.share = share

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        wide, high = (int(self.share * edge + 0.5) for edge in sensor[:2])
        left = int(generator.integers(sensor[0] - wide, endpoint=True))
        top = int(generator.integers(sensor[1] - high, endpoint=True))
        x, y = events.x - left, events.y - top
        return chosen(events, ~((x >= 0) & (x < wide) & (y >= 0) & (y < high)))


@AUGMENTATIONS.register("drop-time")
class DropTime(Augmentation):
    r"""The events of a part of the recording's duration D are left out, from $t_0 + U[0, (1 - a) D]$ on for a D.

    Args:
        share: a, in [0, 1), dimensionless.

    Shapes: N events -> at most N.

    Raises:
        ValueError: ``share`` outside [0, 1).

    Source: Gu, Sng, Hu & Yu, "EventDrop", IJCAI 2021. deviation: tonic's begins at time 0, wherever the recording does.
    """

    def __init__(self, share: float) -> None:
        check_fraction("share", share, below_one=True)
        self.share = share

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        begin = generator.random() * (1.0 - self.share)
        if len(events.t) == 0:
            return events
        since, duration = events.t - events.t[0], float(events.t[-1] - events.t[0])
        return chosen(events, (since < begin * duration) | (since >= (begin + self.share) * duration))


@AUGMENTATIONS.register("uncaused")
class Uncaused(Augmentation):
    """Events that nothing caused, at pixels, times and of polarities that are all alike.

    Args:
        share: their number, as a share of the recording's events, rounded; 0 or more.

    Shapes: N events -> N and those that nothing caused.

    Raises:
        ValueError: ``share`` negative.

    Source: standard; as tonic's ``UniformNoise``.
    """

    def __init__(self, share: float) -> None:
        check_not_negative("share", share)
        self.share = share

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        count = int(self.share * len(events.t) + 0.5)
        if count == 0:
            return events
        x, y, p = (generator.integers(0, size, count) for size in sensor)
        t = generator.integers(int(events.t[0]), int(events.t[-1]), count, endpoint=True).astype(events.t.dtype)
        added = zip(events[:4], (x, y, t, p), strict=True)
        return in_order(*(np.concatenate(both) for both in added))
