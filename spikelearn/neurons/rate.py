"""Rate neuron: an ordinary unit with an activation."""

from typing import NamedTuple

from torch import Tensor

from spikelearn.checks import check_instance, check_positive
from spikelearn.neurons.activations import Activation, ReLU
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.spike_function import SpikeFunction


class RateState(NamedTuple):
    """Nothing: a rate neuron carries nothing from step to step."""


@NEURONS.register("rate")
class Rate(Neuron):
    r"""Unit of an ordinary network: every step, its output is the activation of that step's current, $r = \phi(I)$.

    It sends real values in place of spikes and has no membrane: v is the current itself. With one step (T = 1) a
    network of them is a multilayer perceptron; with more, the same perceptron at every step. Derivatives are those of
    the activation; an adjoint's surrogate has no part in them.

    Args:
        activation: $\phi$, from a current to a dimensionless output.
        dt: time step, seconds, for recordings alone.

    Shapes: current [B, ...] per step; no state; outputs and v have the shape of the current.

    Raises:
        ValueError: an activation that is none, a time step that is not positive.

    Source: Rumelhart, Hinton & Williams, Nature 323, 1986; each activation names its own.
    """

    fires = False
    graded = True
    v_threshold = float("inf")

    def __init__(self, activation: Activation = ReLU(), *, dt: float = 1e-3) -> None:
        super().__init__()
        check_instance("activation", activation, Activation, "for example ReLU() of spikelearn.neurons.activations")
        check_positive("dt", dt, "s")
        self.activation, self.dt = activation, dt

    def initial_state(self, current: Tensor) -> RateState:
        return RateState()

    def step(
        self, state: RateState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, RateState]:
        self.check_state(state, current)
        return self.activation(current), current, state

    def steady_rate(self, current: Tensor) -> Tensor:
        """The output under a constant ``current``."""
        return self.activation(current)
