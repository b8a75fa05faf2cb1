"""Losses: numbers to descend, from what the output neurons did; one a file, importing them registers them."""

from spikelearn.plasticity.losses.base import LOSSES, LogitLoss, Loss, SpikingLoss, TimingLoss
from spikelearn.plasticity.losses.binary_cross_entropy import BinaryCrossEntropy
from spikelearn.plasticity.losses.cross_entropy import CrossEntropy
from spikelearn.plasticity.losses.cross_entropy_membrane import CrossEntropyMembrane
from spikelearn.plasticity.losses.cross_entropy_rate import CrossEntropyRate
from spikelearn.plasticity.losses.cross_entropy_steps import CrossEntropySteps
from spikelearn.plasticity.losses.filtered import FilteredLoss
from spikelearn.plasticity.losses.filtered_count import FilteredCount
from spikelearn.plasticity.losses.mixed_membrane import MixedMembrane
from spikelearn.plasticity.losses.mse import MSE
from spikelearn.plasticity.losses.mse_count import MSECount
from spikelearn.plasticity.losses.mse_steps import MSESteps
from spikelearn.plasticity.losses.smooth_l1_membrane import SmoothL1Membrane
from spikelearn.plasticity.losses.spike_trains import SpikeTrains
from spikelearn.plasticity.losses.squared_error import SquaredError
from spikelearn.plasticity.losses.steps import StepLoss
from spikelearn.plasticity.losses.time_to_first_spike import TimeToFirstSpike
from spikelearn.plasticity.losses.van_rossum import VanRossum

__all__ = [
    "LOSSES",
    "MSE",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "CrossEntropyMembrane",
    "CrossEntropyRate",
    "CrossEntropySteps",
    "FilteredCount",
    "FilteredLoss",
    "LogitLoss",
    "Loss",
    "MSECount",
    "MSESteps",
    "MixedMembrane",
    "SmoothL1Membrane",
    "SpikeTrains",
    "SquaredError",
    "SpikingLoss",
    "StepLoss",
    "TimeToFirstSpike",
    "TimingLoss",
    "VanRossum",
]
