"""One identity a rule, beside the rules, a file a family; importing them enters them."""

from spikelearn.plasticity.identities import (
    competitive,
    composed,
    e_prop,
    equilibrium,
    gradient,
    hebbian,
    local_losses,
    local_readouts,
    online,
    predictive_coding,
    pairwise,
    targets,
    three_factor,
    three_factor_feedback,
    two_phase,
)
from spikelearn.plasticity.identities.base import IDENTITIES, changes, compare, dense, identity, spikes_for

__all__ = [
    "IDENTITIES",
    "changes",
    "compare",
    "competitive",
    "composed",
    "dense",
    "e_prop",
    "equilibrium",
    "gradient",
    "hebbian",
    "identity",
    "local_losses",
    "local_readouts",
    "online",
    "predictive_coding",
    "pairwise",
    "spikes_for",
    "targets",
    "three_factor",
    "three_factor_feedback",
    "two_phase",
]
