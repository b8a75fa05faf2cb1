"""Events that move in time."""

import numpy as np

from spikelearn.checks import check_fraction, check_not_negative, check_positive
from spikelearn.loading.augmentations.base import AUGMENTATIONS, Augmentation, Sensor, in_order
from spikelearn.recordings import RecordedEvents


@AUGMENTATIONS.register("time-jitter")
class TimeJitter(Augmentation):
    r"""Every event moves by $\mathcal N(0, \mathrm{sd})$, rounded to the nearest microsecond; both ends reflect.

    Args:
        sd: standard deviation, seconds.

    Shapes: N events -> N.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard. deviation: tonic's cuts microseconds off towards 0, and may leave the recording.
    """

    def __init__(self, sd: float) -> None:
        check_not_negative("sd", sd)
        self.sd = sd

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        if len(events.t) == 0:
            return events
        moves = np.floor(1e6 * self.sd * generator.standard_normal(len(events.t)) + 0.5).astype(np.int64)
        length = events.t[-1] - events.t[0]
        folded = (events.t - events.t[0] + moves) % max(2 * length, 1)
        return in_order(events.x, events.y, events.t[0] + np.minimum(folded, 2 * length - folded), events.p)


@AUGMENTATIONS.register("time-stretch")
class TimeStretch(Augmentation):
    r"""A recording becomes slower or faster by a factor, all of [1/s, s] alike on a logarithmic scale.

    It is seen where bins have a width of their own; bins that divide a recording are stretched with it.

    Args:
        scale: s, 1 or more, dimensionless.

    Shapes: N events -> N.

    Raises:
        ValueError: a scale below 1.

    Source: standard; as tonic's ``TimeSkew``. deviation: times are rounded to the nearest microsecond.
    """

    def __init__(self, scale: float) -> None:
        check_positive("scale", scale)
        if scale < 1.0:
            raise ValueError(f"scale is {scale}, expected 1 or more: it is the largest, 1 / scale the smallest")
        self.scale = scale

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        factor = self.scale ** generator.uniform(-1.0, 1.0)
        if len(events.t) == 0:
            return events
        since = np.floor((events.t - events.t[0]) * factor + 0.5).astype(events.t.dtype)
        return RecordedEvents(events.x, events.y, events.t[0] + since, events.p)


@AUGMENTATIONS.register("time-reverse")
class TimeReverse(Augmentation):
    """With a probability a recording runs backwards; what became brighter then becomes darker.

    Args:
        p: the probability, in [0, 1].

    Shapes: N events -> N.

    Raises:
        ValueError: ``p`` outside [0, 1].

    Source: standard. deviation: tonic's begins at time 0, wherever the recording did.
    """

    def __init__(self, p: float = 0.5) -> None:
        check_fraction("p", p)
        self.p = p

    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        if generator.random() >= self.p or len(events.t) == 0:
            return events
        t = events.t[0] + (events.t[-1] - events.t)
        p = 1 - events.p if sensor[2] == 2 else events.p
        return RecordedEvents(events.x[::-1], events.y[::-1], t[::-1], p[::-1])
