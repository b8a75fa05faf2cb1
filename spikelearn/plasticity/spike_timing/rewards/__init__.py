"""What pays a network for its spikes, step by step; importing them registers them."""

from spikelearn.plasticity.spike_timing.rewards.base import REWARDS, Given, Payments, Reward
from spikelearn.plasticity.spike_timing.rewards.outcome import Outcome
from spikelearn.plasticity.spike_timing.rewards.target_spikes import TargetSpikes

__all__ = ["REWARDS", "Given", "Outcome", "Payments", "Reward", "TargetSpikes"]
