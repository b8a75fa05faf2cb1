"""What a spike releases at the terminals of its neuron: short-term plasticity, as a state of an edge."""

from spikelearn.synapses.releases.base import RELEASES, Release
from spikelearn.synapses.releases.tsodyks_markram import TsodyksMarkram, TsodyksMarkramState

__all__ = ["RELEASES", "Release", "TsodyksMarkram", "TsodyksMarkramState"]
