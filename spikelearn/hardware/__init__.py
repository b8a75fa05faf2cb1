"""Hardware: pruned, quantised and analogue weights, while a network learns and after."""

from spikelearn.hardware.adc import SubArrays
from spikelearn.hardware.base import HARDWARE, Hardware
from spikelearn.hardware.curve import Curve, shape_of
from spikelearn.hardware.device import Device
from spikelearn.hardware.impairments import IMPAIRMENTS, Impairment, impair
from spikelearn.hardware.masks import global_masks
from spikelearn.hardware.pruning import PRUNINGS, GlobalPruning, Pruning, UniformPruning
from spikelearn.hardware.quantise import Bits, quantised
from spikelearn.hardware.weights import sparsity_of, synaptic_weights

__all__ = [
    "HARDWARE",
    "IMPAIRMENTS",
    "PRUNINGS",
    "Bits",
    "Curve",
    "Device",
    "GlobalPruning",
    "Hardware",
    "Impairment",
    "Pruning",
    "SubArrays",
    "UniformPruning",
    "global_masks",
    "impair",
    "quantised",
    "shape_of",
    "sparsity_of",
    "synaptic_weights",
]
