"""Parameters of triplet STDP: those of the fits that were published, and one's own; importing them registers them."""

from spikelearn.plasticity.spike_timing.triplets.base import TRIPLETS, TripletParameters
from spikelearn.plasticity.spike_timing.triplets.given import GivenTriplets
from spikelearn.plasticity.spike_timing.triplets.hippocampus import Hippocampus
from spikelearn.plasticity.spike_timing.triplets.visual_cortex import VisualCortex

__all__ = ["TRIPLETS", "GivenTriplets", "Hippocampus", "TripletParameters", "VisualCortex"]
