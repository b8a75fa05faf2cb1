"""Synapses are ordinary torch modules; here is what a learning rule may ask of any of them."""

from spikelearn.synapses.correlate import correlate
from spikelearn.synapses.drive import drive
from spikelearn.synapses.pooling import SumPool2d
from spikelearn.synapses.spectral import SpectralGain, bound_spectral_norm
from spikelearn.synapses.structure import as_float, as_linear, float_type, trainable, uses_batch_statistics
from spikelearn.synapses.transpose import transpose

__all__ = [
    "SpectralGain",
    "SumPool2d",
    "as_float",
    "as_linear",
    "bound_spectral_norm",
    "correlate",
    "drive",
    "float_type",
    "trainable",
    "transpose",
    "uses_batch_statistics",
]
