"""Activations of rate neurons: one file each; importing them registers them."""

from spikelearn.neurons.activations.abs import Abs
from spikelearn.neurons.activations.base import ACTIVATIONS, Activation, Elementwise, Layerwise
from spikelearn.neurons.activations.gelu import GELU
from spikelearn.neurons.activations.half_tanh import HalfTanh
from spikelearn.neurons.activations.hard_sigmoid import HardSigmoid
from spikelearn.neurons.activations.k_winners import KWinners
from spikelearn.neurons.activations.leaky_relu import LeakyReLU
from spikelearn.neurons.activations.linear import Linear
from spikelearn.neurons.activations.relu import ReLU
from spikelearn.neurons.activations.sigmoid import Logistic
from spikelearn.neurons.activations.softmax import Softmax
from spikelearn.neurons.activations.softplus import Softplus
from spikelearn.neurons.activations.standardised import Standardised
from spikelearn.neurons.activations.tanh import Tanh
from spikelearn.neurons.activations.triangle import MeanTriangle

__all__ = [
    "ACTIVATIONS",
    "Abs",
    "Activation",
    "Elementwise",
    "GELU",
    "HalfTanh",
    "HardSigmoid",
    "Layerwise",
    "KWinners",
    "LeakyReLU",
    "Linear",
    "Logistic",
    "MeanTriangle",
    "ReLU",
    "Softmax",
    "Softplus",
    "Standardised",
    "Tanh",
]
