"""Families of rules: the folders of this package, by what drives a synapse."""

from spikelearn.plasticity.base import RULES

#: {folder: its name in words}, in the order in which they are listed.
FAMILIES = {
    "gradient": "Gradients",
    "three_factor": "Signals times traces",
    "alignment": "Weights of the start",
    "hebbian": "Hebbian",
    "spike_timing": "Spike timing",
    "two_phase": "Two passes",
    "targets": "Targets",
    "equilibrium": "Energies",
    "pairwise": "Pairs of labels",
    "meta": "Outer loops",
}

#: Rules that stand in no folder of this package, and those that are not registered here.
OTHER = "Others"


def family_of(rule: str) -> str:
    """The family in words of the rule that is registered as ``rule``."""
    kind = RULES.get(rule) if rule in RULES.names else None
    parts = kind.__module__.split(".") if kind is not None else []
    return FAMILIES.get(parts[2], OTHER) if parts[:2] == ["spikelearn", "plasticity"] and len(parts) > 3 else OTHER
