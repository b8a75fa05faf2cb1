"""Neuron models: one file each; importing them registers them."""

from spikelearn.neurons.activations import ACTIVATIONS, Activation
from spikelearn.neurons.adaptive_lif import AdaptiveLIF, AdaptiveLIFState
from spikelearn.neurons.adex import AdEx, AdExState
from spikelearn.neurons.adjoints import (
    ADJOINTS,
    NO_ADJOINT,
    TSSL,
    Adjoint,
    AtTheStep,
    Compiled,
    Surrogate,
    forward_sequence,
)
from spikelearn.neurons.alpha_lif import AlphaLIF, AlphaLIFState
from spikelearn.neurons.base import NEURONS, MembraneState, Neuron, SharedConstants, check_neuron
from spikelearn.neurons.conductance_lif import ConductanceLIF, ConductanceLIFState
from spikelearn.neurons.cuba_lif import CubaLIF, CubaLIFState
from spikelearn.neurons.deep_artificial_neuron import DeepArtificialNeuron, DeepArtificialNeuronState
from spikelearn.neurons.diehl_cook_lif import DiehlCookLIF, DiehlCookLIFState
from spikelearn.neurons.eif import EIF, EIFState
from spikelearn.neurons.escape_noise_lif import EscapeNoiseLIF, EscapeNoiseLIFState
from spikelearn.neurons.first_spike_if import FirstSpikeIF, FirstSpikeIFState
from spikelearn.neurons.homeostatic_lif import HomeostaticLIF, HomeostaticLIFState
from spikelearn.neurons.integrate_and_fire import IF
from spikelearn.neurons.izhikevich import Izhikevich, IzhikevichState
from spikelearn.neurons.leaky_integrator import LeakyIntegrator
from spikelearn.neurons.lif import LIF
from spikelearn.neurons.parts.factory import NeuronFactory, neuron_factory
from spikelearn.neurons.parts.membrane import LeakyNeuron, Membrane, MembraneNeuron
from spikelearn.neurons.parts.phenotype import Phenotype
from spikelearn.neurons.parts.spike_function import HARD, SpikeFunction
from spikelearn.neurons.plif import PLIF
from spikelearn.neurons.poisson import Poisson, PoissonState
from spikelearn.neurons.quadratic_if import QuadraticIF, QuadraticIFState
from spikelearn.neurons.rate import Rate, RateState
from spikelearn.neurons.refractory_alif import RefractoryALIF, RefractoryALIFState
from spikelearn.neurons.refractory_lif import RefractoryLIF, RefractoryLIFState
from spikelearn.neurons.resonate_and_fire import ResonateAndFire, ResonateAndFireState
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF
from spikelearn.neurons.spike_response import SpikeResponse, SpikeResponseState
from spikelearn.neurons.srm0 import SRM0, SRM0State
from spikelearn.neurons.stochastic_lif import StochasticLIF, StochasticLIFState
from spikelearn.neurons.stochastic_winner import StochasticWinner, StochasticWinnerState
from spikelearn.neurons.surrogates import (
    SURROGATES,
    ATan,
    FastSigmoid,
    Rectangle,
    Sigmoid,
    SurrogateDerivative,
    Triangle,
)
from spikelearn.neurons.synaptic_trace import SynapticTrace, SynapticTraceState
from spikelearn.neurons.two_compartment import TwoCompartment, TwoCompartmentState
from spikelearn.neurons.winner_take_all_lif import WinnerTakeAllLIF

__all__ = [
    "HomeostaticLIF",
    "HomeostaticLIFState",
    "AdEx",
    "AdExState",
    "AlphaLIF",
    "AlphaLIFState",
    "EIF",
    "EIFState",
    "Izhikevich",
    "IzhikevichState",
    "PLIF",
    "Poisson",
    "PoissonState",
    "QuadraticIF",
    "QuadraticIFState",
    "RefractoryLIF",
    "RefractoryLIFState",
    "ResonateAndFire",
    "ResonateAndFireState",
    "SRM0",
    "SRM0State",
    "StochasticLIF",
    "StochasticLIFState",
    "StochasticWinner",
    "StochasticWinnerState",
    "TwoCompartment",
    "TwoCompartmentState",
    "WinnerTakeAllLIF",
    "ACTIVATIONS",
    "ADJOINTS",
    "HARD",
    "IF",
    "LIF",
    "NEURONS",
    "NO_ADJOINT",
    "SURROGATES",
    "TSSL",
    "ATan",
    "Activation",
    "AdaptiveLIF",
    "AdaptiveLIFState",
    "Adjoint",
    "AtTheStep",
    "Compiled",
    "ConductanceLIF",
    "ConductanceLIFState",
    "CubaLIF",
    "CubaLIFState",
    "DeepArtificialNeuron",
    "DeepArtificialNeuronState",
    "DiehlCookLIF",
    "DiehlCookLIFState",
    "EscapeNoiseLIF",
    "EscapeNoiseLIFState",
    "FirstSpikeIF",
    "FirstSpikeIFState",
    "FastSigmoid",
    "LeakyIntegrator",
    "LeakyNeuron",
    "Membrane",
    "MembraneNeuron",
    "MembraneState",
    "Neuron",
    "NeuronFactory",
    "Phenotype",
    "Rate",
    "RateState",
    "Rectangle",
    "RefractoryALIF",
    "RefractoryALIFState",
    "Sigmoid",
    "SharedConstants",
    "SilentLeakLIF",
    "SpikeFunction",
    "SpikeResponse",
    "SpikeResponseState",
    "Surrogate",
    "SurrogateDerivative",
    "SynapticTrace",
    "SynapticTraceState",
    "Triangle",
    "check_neuron",
    "forward_sequence",
    "neuron_factory",
]
