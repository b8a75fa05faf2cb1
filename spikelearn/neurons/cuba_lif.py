"""Current-based leaky integrate-and-fire neuron: a LIF behind a synaptic low-pass filter."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.neurons.base import NEURONS, Discretisation, MembraneNeuron, Reset, decay_per_step
from spikelearn.neurons.spike_function import SpikeFunction


class CubaLIFState(NamedTuple):
    """v: membrane potential after reset; i: synaptic current; both [B, ...]."""

    v: Tensor
    i: Tensor


@NEURONS.register("cuba-lif")
class CubaLIF(MembraneNeuron):
    r"""Leaky integrate-and-fire neuron whose input current is filtered by the synapse.

    $$\tau_{syn}\,\dot i = -i + I, \qquad \tau_{mem}\,\dot v = (v_{leak} - v) + r\,i, \qquad
      z = \Theta(v - v_{threshold})$$

    then the reset of LIF. What is computed: $i[t] = \alpha\,i[t-1] + (1-\alpha)\,I[t]$ and
    $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,i[t])$ with the new i, $\alpha = e^{-dt/\tau_{syn}}$,
    $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau$ ("euler").

    Args:
        tau_mem, tau_syn: membrane and synaptic time constant, seconds.
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        v_reset, v_leak: same unit as ``v_threshold``; v_reset is not used by "subtract".
        r: input resistance, ``v_threshold`` per unit of current.
        reset: "to_value" (exportable to NIR) or "subtract".
        discretisation: "exact" or "euler".
        dt: time step, seconds.

    Shapes: current [B, ...] per step; states ``v`` and ``i``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; threshold not above rest; state and
            current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014; NIR node ``CubaLIF`` with w_in = 1.
    """

    def __init__(
        self,
        tau_mem: float = 20e-3,
        tau_syn: float = 5e-3,
        *,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        v_leak: float = 0.0,
        r: float = 1.0,
        reset: Reset = "to_value",
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
    ) -> None:
        super().__init__()
        self._set_membrane(v_threshold=v_threshold, v_reset=v_reset, v_leak=v_leak, r=r, reset=reset, dt=dt)
        self.tau_mem, self.tau_syn, self.discretisation = tau_mem, tau_syn, discretisation
        self.decay_mem = decay_per_step(tau_mem, dt, discretisation, "tau_mem")
        self.decay_syn = decay_per_step(tau_syn, dt, discretisation, "tau_syn")
        self.gain_syn = 1.0 - self.decay_syn
        self.gain_mem = (1.0 - self.decay_mem) * r
        self.leak = (1.0 - self.decay_mem) * v_leak

    @classmethod
    def per_step(
        cls,
        decay_mem: float = 0.9,
        decay_syn: float = 0.8,
        *,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        reset: Reset = "to_value",
        dt: float = 1e-3,
    ) -> Self:
        r"""The form with unit gains, $i[t] = \alpha\,i[t-1] + I[t]$, $v[t] = \lambda\,v[t-1] + i[t]$.

        Args:
            decay_mem, decay_syn: factors $\lambda$ and $\alpha$ per step, in [0, 1).
            v_threshold, v_reset, reset, dt: as in the constructor.
        """
        check_fraction("decay_mem", decay_mem, below_one=True)
        check_fraction("decay_syn", decay_syn, below_one=True)
        neuron = cls(
            dt / (1.0 - decay_mem),
            dt / (1.0 - decay_syn),
            v_threshold=v_threshold,
            v_reset=v_reset,
            r=1.0 / ((1.0 - decay_mem) * (1.0 - decay_syn)),
            reset=reset,
            discretisation="euler",
            dt=dt,
        )
        neuron.decay_mem, neuron.gain_mem = decay_mem, 1.0
        neuron.decay_syn, neuron.gain_syn = decay_syn, 1.0
        return neuron

    def initial_state(self, current: Tensor) -> CubaLIFState:
        v = torch.full_like(current, self.v_leak, requires_grad=False)
        return CubaLIFState(v, torch.zeros_like(v))

    def step(
        self, state: CubaLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, CubaLIFState]:
        self.check_state(state, current)
        i = self.decay_syn * state.i + (current if self.gain_syn == 1.0 else self.gain_syn * current)
        v = self.integrate(state.v, i)
        z, v_next = self.fire(v, spike_function)
        return z, v, CubaLIFState(v_next, i)

    def steady_rate(self, current: Tensor) -> Tensor:
        """The LIF rate map of the settled synaptic current."""
        return super().steady_rate(current * (self.gain_syn / (1.0 - self.decay_syn)))
