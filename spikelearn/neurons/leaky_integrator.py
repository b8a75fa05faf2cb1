"""Leaky integrator: a readout that never fires."""

from typing import Self

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.base import NEURONS, MembraneState
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import Discretisation, Membrane, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction


@NEURONS.register("leaky-integrator")
class LeakyIntegrator(Membrane):
    r"""Leaky membrane without threshold; its potential is the output, its spikes are all zero.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I$$

    With I constant during a step, $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t])$;
    $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau_{mem}$ ("euler"). It starts at v_leak.

    Args:
        tau_mem: membrane time constant, seconds.
        v_leak: resting potential, unit of v.
        r: resistance, unit of v per unit of current.
        discretisation: "exact" or "euler".
        dt: time step, seconds.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; tau_mem < dt with "euler"; state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 below threshold; NIR node ``LI``.
    """

    fires = False
    v_threshold = float("inf")

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        *,
        v_leak: Constant = 0.0,
        r: Constant = 1.0,
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
    ) -> None:
        super().__init__()
        self._set_gain(r, dt)
        self._set_leak(tau_mem, v_leak, discretisation)

    @classmethod
    def per_step(cls, decay: Constant = 0.9, *, v_leak: Constant = 0.0, dt: float = 1e-3) -> Self:
        r"""The form with unit gain, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$.

        Args:
            decay: factor per step, in [0, 1).
            v_leak, dt: as in the constructor; (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        check_positive("dt", dt, "s")
        neuron = cls(dt / (1.0 - decay), v_leak=v_leak, r=1.0 / (1.0 - decay), discretisation="euler", dt=dt)
        neuron._set_unit_gain(decay)
        return neuron

    def step(
        self, state: MembraneState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, MembraneState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        return torch.zeros_like(v, requires_grad=False), v, MembraneState(v)
