"""Schedules of the learning rate: one a file; importing them registers them."""

from spikelearn.training.schedules.base import SCHEDULES, Schedule, make_schedule
from spikelearn.training.schedules.constant import Constant
from spikelearn.training.schedules.cosine import Cosine
from spikelearn.training.schedules.exponential import Exponential
from spikelearn.training.schedules.linear import Linear
from spikelearn.training.schedules.one_cycle import OneCycle
from spikelearn.training.schedules.step import Step

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "Linear",
    "OneCycle",
    "Schedule",
    "Step",
    "make_schedule",
]
