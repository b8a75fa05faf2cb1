"""Surrogate derivatives psi(x) of the step function: one a file; importing them registers them."""

from spikelearn.neurons.surrogates.atan import ATan
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative
from spikelearn.neurons.surrogates.fast_sigmoid import FastSigmoid
from spikelearn.neurons.surrogates.rectangle import Rectangle
from spikelearn.neurons.surrogates.sigmoid import Sigmoid
from spikelearn.neurons.surrogates.triangle import Triangle

__all__ = ["ATan", "FastSigmoid", "Rectangle", "SURROGATES", "Sigmoid", "SurrogateDerivative", "Triangle"]
