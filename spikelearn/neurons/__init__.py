"""Neuron models: one file each; importing them registers them."""

from spikelearn.neurons.adaptive_lif import AdaptiveLIF, AdaptiveLIFState
from spikelearn.neurons.adjoints import ADJOINTS, NO_ADJOINT, TSSL, Adjoint, Compiled, Surrogate
from spikelearn.neurons.base import NEURONS, MembraneNeuron, Neuron
from spikelearn.neurons.cuba_lif import CubaLIF, CubaLIFState
from spikelearn.neurons.integrate_and_fire import IF
from spikelearn.neurons.leaky_integrator import LeakyIntegrator
from spikelearn.neurons.lif import LIF, LIFState
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF
from spikelearn.neurons.spike_function import HARD, SpikeFunction
from spikelearn.neurons.surrogates import (
    SURROGATES,
    ATan,
    FastSigmoid,
    Rectangle,
    Sigmoid,
    SurrogateDerivative,
    Triangle,
)

__all__ = [
    "ADJOINTS",
    "HARD",
    "IF",
    "LIF",
    "NEURONS",
    "NO_ADJOINT",
    "SURROGATES",
    "TSSL",
    "ATan",
    "AdaptiveLIF",
    "AdaptiveLIFState",
    "Adjoint",
    "Compiled",
    "CubaLIF",
    "CubaLIFState",
    "FastSigmoid",
    "LIFState",
    "LeakyIntegrator",
    "MembraneNeuron",
    "Neuron",
    "Rectangle",
    "Sigmoid",
    "SilentLeakLIF",
    "SpikeFunction",
    "Surrogate",
    "SurrogateDerivative",
    "Triangle",
]
