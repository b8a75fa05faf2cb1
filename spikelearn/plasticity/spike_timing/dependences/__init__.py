"""Weight dependences: how much of a change a weight takes where it stands; importing them registers them."""

from spikelearn.plasticity.spike_timing.dependences.additive import Additive
from spikelearn.plasticity.spike_timing.dependences.base import DEPENDENCES, Dependence
from spikelearn.plasticity.spike_timing.dependences.power import Power
from spikelearn.plasticity.spike_timing.dependences.power_law import PowerLaw

__all__ = ["DEPENDENCES", "Additive", "Dependence", "Power", "PowerLaw"]
