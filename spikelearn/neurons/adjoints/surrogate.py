"""The surrogate gradient: the spike's derivative is replaced, everything else is differentiated as it is."""

from typing import Any

from torch import Tensor

from spikelearn.neurons.adjoints.base import ADJOINTS, Adjoint
from spikelearn.neurons.base import Neuron
from spikelearn.neurons.spike_function import HARD, SpikeFunction


@ADJOINTS.register("surrogate")
class Surrogate(Adjoint):
    r"""Backpropagation through the neuron's own equations with $\partial z/\partial v = \psi(v - v_{threshold})$.

    Args:
        spike_function: the step and its derivative $\psi$, per unit of potential.

    Shapes: current, spikes and v [B, ...] in ``step``, [T, B, ...] in ``sequence``.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019.
    """

    def __init__(self, spike_function: SpikeFunction) -> None:
        self.spike_function = spike_function

    def step(self, neuron: Neuron, state: Any, current: Tensor) -> tuple[Tensor, Tensor, Any]:
        return neuron.step(state, current, self.spike_function)

    def __repr__(self) -> str:
        return f"Surrogate({self.spike_function!r})"


#: Simulation without derivatives.
NO_ADJOINT = Surrogate(HARD)
