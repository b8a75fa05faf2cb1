"""Integrate-and-fire neuron that leaks only in the steps in which it does not fire."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction, check_positive
from spikelearn.neurons.base import NEURONS, MembraneState, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.spike_function import SpikeFunction


@NEURONS.register("silent-leak-lif")
class SilentLeakLIF(Neuron):
    r"""Integrate-and-fire neuron with subtractive reset that leaks after the test, and only where it was silent.

    $$v[t] = u[t-1] + I[t], \qquad z = \Theta(v \geq v_{threshold}), \qquad
      u = \begin{cases} v - v_{threshold} & z = 1 \\ \mathrm{decay}\cdot v & z = 0 \end{cases}$$

    A per-step model: the input gain is 1, and a neuron that fires keeps all of the charge that is left. It starts at 0
    and has no rate map.

    Args:
        decay: what a silent neuron keeps of its potential, factor per step, in [0, 1].
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        dt: time step, seconds; kept for traces.

    Shapes: current [B, ...] per step; state ``v`` (the potential u after reset and leak), spikes and v have the shape
    of the current.

    Raises:
        ValueError: ``decay`` outside [0, 1]; threshold or ``dt`` not positive; state and current differ in shape.

    Source: convolutional layer of the program of Gerlinghoff, Luo, Goh & Wong, arXiv 2211.05412, 2022.
    """

    inclusive = True

    decay_mem: Constant

    def __init__(self, decay: Constant = 0.75, *, v_threshold: Constant = 1.0, dt: float = 1e-3) -> None:
        super().__init__()
        self.set_constant("decay_mem", given("decay", decay, check_fraction))
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_positive))
        check_positive("dt", dt, "s")
        self.dt = dt

    def initial_state(self, current: Tensor) -> MembraneState:
        return MembraneState(v=torch.zeros_like(current, requires_grad=False))

    def step(
        self, state: MembraneState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, MembraneState]:
        self.check_state(state, current)
        v = state.v + current
        z = spike_function(v - self.v_threshold, self.inclusive)
        z_reset = z if spike_function.reset_gradient else z.detach()
        return z, v, MembraneState((1.0 - z_reset) * (self.decay_mem * v) + z_reset * (v - self.v_threshold))
