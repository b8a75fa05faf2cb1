"""Synapses are ordinary torch modules; here is what a learning rule may ask of any of them."""

from spikelearn.synapses.connection_sides import ConnectionSides
from spikelearn.synapses.correlate import correlate
from spikelearn.synapses.delayed_linear import DelayedLinear
from spikelearn.synapses.drive import drive, drive_line
from spikelearn.synapses.fan_in_scale import FanInScale, scaled_by_fan_in
from spikelearn.synapses.lateral_inhibition import LateralInhibition
from spikelearn.synapses.magnitude_norm import MagnitudeNorm
from spikelearn.synapses.max_normalisation import MaxNormalisation, max_normalised
from spikelearn.synapses.normalise import Normalise
from spikelearn.synapses.pooling import SumPool2d
from spikelearn.synapses.residual import Residual
from spikelearn.synapses.sample_norm import SampleNorm
from spikelearn.synapses.scale import Scale
from spikelearn.synapses.sparse_linear import SparseLinear
from spikelearn.synapses.spectral import SpectralGain, bound_spectral_norm
from spikelearn.synapses.standardisation import WeightStandardisation, standardise, standardised
from spikelearn.synapses.structure import (
    as_float,
    as_linear,
    float_type,
    front_and_weights,
    is_linear,
    layers_with_weights,
    trainable,
    uses_batch_statistics,
)
from spikelearn.synapses.transpose import transpose
from spikelearn.synapses.windows import longest_delay, windows
from spikelearn.synapses.without_self import WithoutSelf, without_self

__all__ = [
    "ConnectionSides",
    "DelayedLinear",
    "FanInScale",
    "Scale",
    "WeightStandardisation",
    "max_normalised",
    "scaled_by_fan_in",
    "standardise",
    "standardised",
    "LateralInhibition",
    "Normalise",
    "MagnitudeNorm",
    "MaxNormalisation",
    "Residual",
    "SampleNorm",
    "SparseLinear",
    "SpectralGain",
    "SumPool2d",
    "WithoutSelf",
    "as_float",
    "as_linear",
    "bound_spectral_norm",
    "correlate",
    "drive",
    "drive_line",
    "float_type",
    "front_and_weights",
    "is_linear",
    "longest_delay",
    "layers_with_weights",
    "trainable",
    "transpose",
    "uses_batch_statistics",
    "windows",
    "without_self",
]
