"""Traces that are the eligibility of certain neurons in closed form."""

from abc import abstractmethod

from spikelearn.neurons import Adjoint, Neuron, SpikeFunction, Surrogate
from spikelearn.plasticity.three_factor.traces.base import Trace
from spikelearn.plasticity.three_factor.traces.carrier import Carrier


class ThroughTime(Trace):
    """A trace that is the eligibility of the neurons themselves, through their own time.

    A sequence is differentiated within each block through time; step by step the eligibility of every weight is
    carried along.
    """

    through_time = True

    @abstractmethod
    def carried_by(self, adjoint: Adjoint, neuron: Neuron) -> tuple[str, type[Carrier]]:
        """The carrier of the eligibility from step to step: its name, and its class.

        Args:
            adjoint: how derivatives cross the neurons.
            neuron: the model.
        """


class ClosedForm(ThroughTime):
    """The eligibility of certain neurons in closed form; others are refused."""

    @abstractmethod
    def misfit(self, adjoint: Adjoint, neuron: Neuron) -> str:
        """The reason why it is not the eligibility of ``neuron``, a phrase behind the neuron; "" where it is."""


def misfit_of_membrane(adjoint: Adjoint, neuron: Neuron, kinds: tuple[type[Neuron], ...]) -> str:
    """The reason why no trace with one decay follows the membrane; "" where one does.

    A reset that subtracts a spike, held fixed, does not change how the membrane forgets; one to a value does.
    """
    if type(neuron) not in kinds:
        return f"is none of {', '.join(kind.__name__ for kind in kinds)}"
    function = adjoint.spike_function if type(adjoint) is Surrogate else None
    if type(function) is not SpikeFunction:
        return f"is differentiated by {adjoint!r}, and not by its own equations"
    if neuron.fires and function.reset_gradient:
        return "has a reset that is differentiated"
    if neuron.fires and getattr(neuron, "reset", None) != "subtract":
        return "is reset to a value, by which the membrane forgets"
    return ""


def misfit_of_constants(neuron: Neuron, *constants: str) -> str:
    """The reason why a synapse has no one trace for all neurons; "" where it has."""
    own = [name for name in constants if name in neuron.per_neuron]
    return f"has a {own[0]} for each neuron" if own else ""
