"""Forward-mode derivative of a sequence: by torch's dual numbers; of a plain membrane in a few operations a step."""

from typing import Any

from torch import Tensor
from torch.autograd import forward_ad

from spikelearn.neurons.adjoints.base import Adjoint
from spikelearn.neurons.adjoints.surrogate import NO_ADJOINT, Surrogate
from spikelearn.neurons.base import MembraneState, Neuron
from spikelearn.neurons.integrate_and_fire import IF
from spikelearn.neurons.lif import LIF
from spikelearn.neurons.parts.spike_function import SpikeFunction


def forward_sequence(adjoint: Adjoint, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
    """``adjoint.sequence`` of a current with a tangent, whose spikes have one too; potentials may be without.

    It goes through ``adjoint.step``, for what derives from a sequence at once knows reverse mode alone.

    Args:
        adjoint: how derivatives cross the neurons.
        neuron: the model.
        state: before the first step, without a tangent.
        current: as ``Adjoint.sequence`` takes it, within a dual level.

    Raises:
        ValueError: an adjoint that needs the whole sequence at once.
    """
    if isinstance(current, Tensor) and type(neuron) in (LIF, IF) and type(adjoint) is Surrogate:
        function = adjoint.spike_function
        if type(function) is SpikeFunction and not function.reset_gradient:
            return _of_a_membrane(function, neuron, state, current)
    return Adjoint.sequence(adjoint, neuron, state, current)


def _of_a_membrane(
    function: SpikeFunction, neuron: Any, state: MembraneState, current: Tensor
) -> tuple[Tensor, Tensor, MembraneState]:
    """A potential that decays and takes the current up, and is kept but where a spike, held fixed, resets it."""
    primal, tangent = forward_ad.unpack_dual(current)
    spikes, v, after = Adjoint.sequence(NO_ADJOINT, neuron, state, primal)
    if tangent is None or function.derivative is None:
        return spikes, v, after
    moved = tangent * neuron.gain_mem
    kept = None if neuron.reset == "subtract" else 1.0 - spikes
    for t in range(1, len(moved)):
        before = moved[t - 1] if kept is None else moved[t - 1] * kept[t - 1]
        moved[t].add_(before * neuron.decay_mem)
    return forward_ad.make_dual(spikes, moved.mul_(function.derivative(v - neuron.v_threshold))), v, after
