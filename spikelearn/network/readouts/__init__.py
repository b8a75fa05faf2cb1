"""Readouts: from the last block's activity to class scores; one a file, importing them registers them."""

from spikelearn.network.readouts.activation import ActivationReadout
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.readouts.first_spike import FirstSpikeReadout
from spikelearn.network.readouts.fitted import FittedReadout
from spikelearn.network.readouts.label_assignment import LabelAssignment
from spikelearn.network.readouts.linear import LinearReadout
from spikelearn.network.readouts.linear_probe import LinearProbe
from spikelearn.network.readouts.membrane import MembraneReadout
from spikelearn.network.readouts.rate import RateReadout
from spikelearn.network.readouts.ridge import RidgeReadout
from spikelearn.network.readouts.step import StepReadout
from spikelearn.network.readouts.trace import TraceReadout

__all__ = [
    "ActivationReadout",
    "READOUTS",
    "FirstSpikeReadout",
    "FittedReadout",
    "LabelAssignment",
    "LinearProbe",
    "LinearReadout",
    "MembraneReadout",
    "RateReadout",
    "Readout",
    "RidgeReadout",
    "StepReadout",
    "TraceReadout",
]
