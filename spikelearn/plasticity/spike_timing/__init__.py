"""Rules of the times of spikes on both sides of a synapse, whose weights change at every step."""
