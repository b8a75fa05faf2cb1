"""Networks: blocks, feedback edges, and what a run leaves behind."""

from spikelearn.network.block import Block, Edge, Feedback, Feedforward
from spikelearn.network.builder import InputNorm, build
from spikelearn.network.drawing import drawn_seeds
from spikelearn.network.initialisers import INITIALISERS, Initialiser, emstdp_thresholds
from spikelearn.network.laws import hold_signs
from spikelearn.network.layerwise import BlockActivity
from spikelearn.network.network import Network
from spikelearn.network.presentation import (
    copied_buffers,
    evaluating,
    keep_states,
    learning_only,
    reparametrised,
    writes_nothing,
)
from spikelearn.network.readouts import (
    READOUTS,
    ActivationReadout,
    FirstSpikeReadout,
    FittedReadout,
    LinearReadout,
    MembraneReadout,
    RateReadout,
    Readout,
    StepReadout,
    TraceReadout,
)
from spikelearn.network.records import Activity, Record, State
from spikelearn.network.weights import (
    check_weights_finite,
    describe,
    is_synaptic,
    settle_weights,
    shared_until_kept,
    synaptic_weights,
)

__all__ = [
    "ActivationReadout",
    "Activity",
    "Block",
    "Edge",
    "Feedback",
    "Feedforward",
    "FirstSpikeReadout",
    "FittedReadout",
    "INITIALISERS",
    "Initialiser",
    "InputNorm",
    "BlockActivity",
    "LinearReadout",
    "MembraneReadout",
    "Network",
    "READOUTS",
    "RateReadout",
    "Readout",
    "Record",
    "State",
    "StepReadout",
    "TraceReadout",
    "build",
    "check_weights_finite",
    "copied_buffers",
    "describe",
    "shared_until_kept",
    "drawn_seeds",
    "emstdp_thresholds",
    "evaluating",
    "is_synaptic",
    "hold_signs",
    "keep_states",
    "learning_only",
    "reparametrised",
    "settle_weights",
    "synaptic_weights",
    "writes_nothing",
]
