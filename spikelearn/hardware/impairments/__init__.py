"""Impairments: what can befall a trained network before it is tested; one a file, importing them registers them."""

from spikelearn.hardware.impairments.adc import Converters
from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment, impair
from spikelearn.hardware.impairments.bits import FewBits
from spikelearn.hardware.impairments.device import Cells
from spikelearn.hardware.impairments.prune import Prune
from spikelearn.hardware.impairments.weight_noise import WeightNoise

__all__ = ["Cells", "Converters", "FewBits", "IMPAIRMENTS", "Impairment", "Prune", "WeightNoise", "impair"]
