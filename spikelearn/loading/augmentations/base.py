"""Changes of the events of recordings in training, a function of (seed, split, epoch, sample) alone."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from spikelearn.loading.encoders.base import NoiseKey
from spikelearn.recordings import RecordedEvents
from spikelearn.registry import Registry
from spikelearn.seeding import derived_seed

Sensor = tuple[int, int, int]


class Augmentation(ABC):
    """A change of a recording's events, by random numbers of its own; pixels and steps of time stay whole."""

    @abstractmethod
    def __call__(self, events: RecordedEvents, sensor: Sensor, generator: np.random.Generator) -> RecordedEvents:
        """Other events, in order of time, of the same sensor (width, height, polarities); the given ones stay."""


AUGMENTATIONS = Registry("augmentation", Augmentation)


def changing(
    augment: Sequence[Augmentation], sensor: Sensor, key: NoiseKey
) -> Callable[[int, RecordedEvents], RecordedEvents]:
    """The change of sample ``index`` that all of ``augment`` make, one after another, under ``key``.

    One that is there twice draws other numbers each time.
    """

    def change(index: int, events: RecordedEvents) -> RecordedEvents:
        for place, one in enumerate(augment):
            name = AUGMENTATIONS.name_of(type(one))
            generator = np.random.default_rng(derived_seed(*key, index, "augment", place, name))
            events = one(events, sensor, generator)
        return events

    return change


def chosen(events: RecordedEvents, kept: np.ndarray) -> RecordedEvents:
    """The events at places ``kept``, numbers or True and False."""
    return RecordedEvents(*(column[kept] for column in events[:4]))


def moved(events: RecordedEvents, x: np.ndarray, y: np.ndarray, sensor: Sensor) -> RecordedEvents:
    """The events at other pixels; those that leave the sensor are left out."""
    inside = (x >= 0) & (x < sensor[0]) & (y >= 0) & (y < sensor[1])
    return RecordedEvents(x[inside], y[inside], events.t[inside], events.p[inside])


def in_order(x: np.ndarray, y: np.ndarray, t: np.ndarray, p: np.ndarray) -> RecordedEvents:
    """Events in order of time, equal times as they come."""
    order = np.argsort(t, kind="stable")
    return RecordedEvents(x[order], y[order], t[order], p[order])
