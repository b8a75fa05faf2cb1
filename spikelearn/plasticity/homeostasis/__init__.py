"""Homeostasis: what brings neurons back to the rate that they should have; importing them registers them.

What holds after every step whatever the rate, as a sum of weights, is a constraint (``training.IncomingNorm``); a
threshold that rises with each spike is a neuron's (``homeostatic-lif``).
"""

from spikelearn.plasticity.homeostasis.base import HOMEOSTASES, Fired, Homeostasis
from spikelearn.plasticity.homeostasis.none import NoHomeostasis
from spikelearn.plasticity.homeostasis.synaptic_scaling import SynapticScaling
from spikelearn.plasticity.homeostasis.threshold import ThresholdAdaptation

__all__ = ["HOMEOSTASES", "Fired", "Homeostasis", "NoHomeostasis", "SynapticScaling", "ThresholdAdaptation"]
