"""Pairings: which spikes of both sides of a synapse make a pair; importing them registers them."""

from spikelearn.plasticity.spike_timing.pairings.all_to_all import AllToAll
from spikelearn.plasticity.spike_timing.pairings.base import PAIRINGS, Pairing, Sides
from spikelearn.plasticity.spike_timing.pairings.nearest_presynaptic import NearestPresynaptic
from spikelearn.plasticity.spike_timing.pairings.nearest_reduced import NearestReduced
from spikelearn.plasticity.spike_timing.pairings.nearest_symmetric import NearestSymmetric

__all__ = ["PAIRINGS", "AllToAll", "NearestPresynaptic", "NearestReduced", "NearestSymmetric", "Pairing", "Sides"]
