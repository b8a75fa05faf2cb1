"""Current-based leaky integrate-and-fire neuron: a LIF behind a synaptic low-pass filter."""

from typing import NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given, is_number
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction


class CubaLIFState(NamedTuple):
    """v: membrane potential after reset; i: synaptic current; both [B, ...]."""

    v: Tensor
    i: Tensor


@NEURONS.register("cuba-lif")
class CubaLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron whose input current is filtered by the synapse.

    $$\tau_{syn}\,\dot i = -i + I, \qquad \tau_{mem}\,\dot v = (v_{leak} - v) + r\,i, \qquad
      z = \Theta(v - v_{threshold})$$

    then the reset of LIF. What is computed: $i[t] = \alpha\,i[t-1] + (1-\alpha)\,I[t]$ and
    $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,i[t])$ with the new i, $\alpha = e^{-dt/\tau_{syn}}$,
    $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau$ ("euler").

    Args:
        tau_mem, tau_syn: membrane and synaptic time constant, seconds.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states ``v`` and ``i``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; threshold not above rest; state and
            current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014; NIR node ``CubaLIF`` with w_in = 1.
    """

    tau_syn: Constant
    decay_syn: Constant
    gain_syn: Constant

    def __init__(self, tau_mem: Constant = 20e-3, tau_syn: Constant = 5e-3, **options: Unpack[LeakyOptions]) -> None:
        super().__init__(tau_mem, **options)
        self.set_constant("gain_syn", 1.0 - self._set_decay_of("syn", tau_syn, self.discretisation))

    @classmethod
    def per_step(cls, decay_mem: Constant = 0.9, decay_syn: Constant = 0.8, **options: Unpack[StepOptions]) -> Self:
        r"""The form with unit gains, $i[t] = \alpha\,i[t-1] + I[t]$, $v[t] = \lambda\,v[t-1] + i[t]$.

        Args:
            decay_mem, decay_syn: factors $\lambda$ and $\alpha$ per step, in [0, 1).
            options: as in the constructor; with v_leak, $(1-\lambda)\,v_{leak}$ is added at each step.
        """
        decay_mem = given("decay_mem", decay_mem, check_decay)
        decay_syn = given("decay_syn", decay_syn, check_decay)
        r = 1.0 / ((1.0 - decay_mem) * (1.0 - decay_syn))
        neuron = cls._of_decays({"mem": decay_mem, "syn": decay_syn}, r, options)
        neuron.set_constant("gain_syn", 1.0)
        return neuron

    def initial_state(self, current: Tensor) -> CubaLIFState:
        v = super().initial_state(current).v
        return CubaLIFState(v, torch.zeros_like(v))

    def step(
        self, state: CubaLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, CubaLIFState]:
        self.check_state(state, current)
        i = self.decay_syn * state.i + (current if is_number(self.gain_syn, 1.0) else self.gain_syn * current)
        v = self.integrate(state.v, i)
        z, v_next = self.fire(v, spike_function)
        return z, v, CubaLIFState(v_next, i)

    def steady_rate(self, current: Tensor) -> Tensor:
        """The LIF rate map of the settled synaptic current."""
        return super().steady_rate(current * (self.gain_syn / (1.0 - self.decay_syn)))
