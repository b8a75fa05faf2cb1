"""Networks: blocks, feedback edges, and what a run leaves behind."""

from spikelearn.network.block import Block, Feedback
from spikelearn.network.builder import build, neuron_factory
from spikelearn.network.initialisers import INITIALISERS, Initialiser, emstdp_thresholds
from spikelearn.network.network import Network
from spikelearn.network.plumbing import describe
from spikelearn.network.presentation import copied_buffers, evaluating, learning_only, reparametrised
from spikelearn.network.readout import MembraneReadout, RateReadout, Readout, TraceReadout
from spikelearn.network.records import Activity, Record, State

__all__ = [
    "Activity",
    "Block",
    "Feedback",
    "INITIALISERS",
    "Initialiser",
    "MembraneReadout",
    "Network",
    "RateReadout",
    "Readout",
    "Record",
    "State",
    "TraceReadout",
    "build",
    "copied_buffers",
    "describe",
    "emstdp_thresholds",
    "evaluating",
    "learning_only",
    "neuron_factory",
    "reparametrised",
]
