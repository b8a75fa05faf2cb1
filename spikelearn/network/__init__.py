"""Networks: blocks, feedback edges, and what a run leaves behind."""

from spikelearn.network.block import Block, Feedback
from spikelearn.network.builder import build, initialise, neuron_factory
from spikelearn.network.network import Network
from spikelearn.network.plumbing import describe
from spikelearn.network.presentation import evaluating
from spikelearn.network.readout import MembraneReadout, RateReadout, Readout
from spikelearn.network.records import Activity, Record, State

__all__ = [
    "Activity",
    "Block",
    "Feedback",
    "MembraneReadout",
    "Network",
    "RateReadout",
    "Readout",
    "Record",
    "State",
    "build",
    "describe",
    "evaluating",
    "initialise",
    "neuron_factory",
]
