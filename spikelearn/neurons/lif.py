"""Leaky integrate-and-fire neuron."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_flag, check_fraction
from spikelearn.neurons.base import NEURONS, Discretisation, MembraneNeuron, Reset, decay_per_step
from spikelearn.neurons.spike_function import SpikeFunction


class LIFState(NamedTuple):
    """v: membrane potential after reset, [B, ...], same unit as ``v_threshold``."""

    v: Tensor


@NEURONS.register("lif")
class LIF(MembraneNeuron):
    r"""Leaky integrate-and-fire neuron.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I, \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ where z = 1 ("to_value") or $v \leftarrow v - z\,v_{threshold}$ ("subtract").

    With I constant during a step, $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t])$, then spike, then
    reset; $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau_{mem}$ ("euler"). It starts at v_leak.

    Args:
        tau_mem: membrane time constant, seconds.
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        v_reset, v_leak: same unit as ``v_threshold``; v_reset is not used by "subtract".
        r: input resistance, ``v_threshold`` per unit of current.
        reset: "to_value" (exportable to NIR) or "subtract".
        discretisation: "exact" or "euler".
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; tau_mem < dt with "euler"; threshold not above rest; state and current
            differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3; NIR node ``LIF``.
    """

    def __init__(
        self,
        tau_mem: float = 20e-3,
        *,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        v_leak: float = 0.0,
        r: float = 1.0,
        reset: Reset = "to_value",
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        self._set_membrane(v_threshold=v_threshold, v_reset=v_reset, v_leak=v_leak, r=r, reset=reset, dt=dt)
        check_flag("inclusive", inclusive)
        self.tau_mem, self.discretisation, self.inclusive = tau_mem, discretisation, inclusive
        self.decay_mem = decay_per_step(tau_mem, dt, discretisation, "tau_mem")
        self.gain_mem = (1.0 - self.decay_mem) * r
        self.leak = (1.0 - self.decay_mem) * v_leak

    @classmethod
    def per_step(
        cls,
        decay: float = 0.9,
        *,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        reset: Reset = "to_value",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1); ``tau_mem`` follows as dt / (1 - decay), ``r`` as 1 / (1 - decay).
            v_threshold, v_reset, reset, dt, inclusive: as in the constructor.
        """
        check_fraction("decay", decay, below_one=True)
        neuron = cls(
            dt / (1.0 - decay),
            v_threshold=v_threshold,
            v_reset=v_reset,
            r=1.0 / (1.0 - decay),
            reset=reset,
            discretisation="euler",
            dt=dt,
            inclusive=inclusive,
        )
        neuron.decay_mem, neuron.gain_mem = decay, 1.0
        return neuron

    def initial_state(self, current: Tensor) -> LIFState:
        return LIFState(v=torch.full_like(current, self.v_leak, requires_grad=False))

    def step(self, state: LIFState, current: Tensor, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, LIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        z, v_next = self.fire(v, spike_function)
        return z, v, LIFState(v_next)
