"""Learning rules: one file each; importing them registers them."""

from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.bptt import BPTT
from spikelearn.plasticity.config import adjoint_from, loss_from, rule_from
from spikelearn.plasticity.gradient import firing_rates
from spikelearn.plasticity.losses import (
    LOSSES,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    Loss,
    MSECount,
)
from spikelearn.plasticity.readout_only import ReadoutOnly
from spikelearn.plasticity.stdp import STDP

__all__ = [
    "BPTT",
    "LOSSES",
    "RULES",
    "STDP",
    "Batch",
    "CrossEntropy",
    "CrossEntropyMembrane",
    "CrossEntropyRate",
    "Loss",
    "MSECount",
    "Memory",
    "OptimizerChoice",
    "ReadoutOnly",
    "Rule",
    "Update",
    "adjoint_from",
    "firing_rates",
    "loss_from",
    "rule_from",
]
