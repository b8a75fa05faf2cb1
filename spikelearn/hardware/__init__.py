"""Hardware: quantised and analogue weights while a network learns, and impairments of a trained one."""

from spikelearn.hardware.adc import SubArrays
from spikelearn.hardware.base import HARDWARE, Hardware
from spikelearn.hardware.chip import Chip, Cost
from spikelearn.hardware.curve import Curve, shape_of
from spikelearn.hardware.device import Device
from spikelearn.hardware.impairments import IMPAIRMENTS, Impairment, impair
from spikelearn.hardware.quantise import Bits, quantised

__all__ = [
    "HARDWARE",
    "IMPAIRMENTS",
    "Bits",
    "Chip",
    "Cost",
    "Curve",
    "Device",
    "Hardware",
    "Impairment",
    "SubArrays",
    "impair",
    "quantised",
    "shape_of",
]
