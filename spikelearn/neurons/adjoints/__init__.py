"""Adjoints: one file each; importing them registers them."""

from spikelearn.neurons.adjoints.at_the_step import AtTheStep
from spikelearn.neurons.adjoints.base import ADJOINTS, Adjoint
from spikelearn.neurons.adjoints.compiled import Compiled
from spikelearn.neurons.adjoints.forward_mode import forward_sequence
from spikelearn.neurons.adjoints.surrogate import NO_ADJOINT, Surrogate
from spikelearn.neurons.adjoints.tssl import TSSL

__all__ = ["ADJOINTS", "NO_ADJOINT", "TSSL", "Adjoint", "AtTheStep", "Compiled", "Surrogate", "forward_sequence"]
