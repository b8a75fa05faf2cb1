"""Runs of the learning rate over a training, by name."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import optim

from spikelearn.registry import Registry


class Schedule(ABC):
    """A course of the learning rate over all batches of a training."""

    #: Whether it is stretched over all epochs: with more of them the first ones would have been learned otherwise.
    stretched: ClassVar[bool] = True

    @abstractmethod
    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.LRScheduler | None:
        """torch's scheduler for ``updates`` batches in ``epochs`` epochs; None: the rate stays as it is."""


SCHEDULES = Registry("schedule", Schedule)


def make_schedule(
    text: str, optimizer: optim.Optimizer, updates: int, epochs: int = 1
) -> optim.lr_scheduler.LRScheduler | None:
    """torch's scheduler of a learning rate that runs over ``updates`` batches in ``epochs`` epochs.

    Args:
        text: a schedule, for example "cosine"; see ``SCHEDULES``.
        optimizer: whose rate it is.
        updates: number of batches of the whole training.
        epochs: number of epochs.

    Raises:
        ValueError: an unknown schedule or option.
    """
    return SCHEDULES.make(text).over(optimizer, updates, epochs)
