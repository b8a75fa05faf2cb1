"""Changes of events in training: importing them registers them."""

from spikelearn.loading.augmentations.base import AUGMENTATIONS, Augmentation, changing
from spikelearn.loading.augmentations.losses import Drop, DropArea, DropTime, Uncaused
from spikelearn.loading.augmentations.places import Crop, Flip, Shift, Turn
from spikelearn.loading.augmentations.times import TimeJitter, TimeReverse, TimeStretch

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "Crop",
    "Drop",
    "DropArea",
    "DropTime",
    "Flip",
    "Shift",
    "TimeJitter",
    "TimeReverse",
    "TimeStretch",
    "Turn",
    "Uncaused",
    "changing",
]
