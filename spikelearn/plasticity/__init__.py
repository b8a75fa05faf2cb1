"""Learning rules: one file each; importing them registers them."""

from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update
from spikelearn.plasticity.bptt import BPTT
from spikelearn.plasticity.config import adjoint_from, loss_from, rule_from
from spikelearn.plasticity.desire import Desire
from spikelearn.plasticity.direct_feedback_alignment import DFA
from spikelearn.plasticity.emstdp import EMSTDP
from spikelearn.plasticity.emstdp_loihi import EMSTDPLoihi
from spikelearn.plasticity.feedback_alignment import FA
from spikelearn.plasticity.filtered_losses import FilteredCount, VanRossum
from spikelearn.plasticity.gradient import firing_rates
from spikelearn.plasticity.ide import IDE
from spikelearn.plasticity.losses import (
    LOSSES,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    Loss,
    MSECount,
)
from spikelearn.plasticity.online_stdp import OnlineSTDP
from spikelearn.plasticity.readout_only import ReadoutOnly
from spikelearn.plasticity.stdp import STDP
from spikelearn.plasticity.tssl_bp import TSSLBP

__all__ = [
    "BPTT",
    "DFA",
    "EMSTDP",
    "FA",
    "IDE",
    "LOSSES",
    "RULES",
    "STDP",
    "TSSLBP",
    "Batch",
    "CrossEntropy",
    "CrossEntropyMembrane",
    "CrossEntropyRate",
    "Desire",
    "EMSTDPLoihi",
    "FilteredCount",
    "Loss",
    "MSECount",
    "Memory",
    "OnlineSTDP",
    "OptimizerChoice",
    "ReadoutOnly",
    "Rule",
    "Update",
    "VanRossum",
    "adjoint_from",
    "firing_rates",
    "loss_from",
    "rule_from",
]
