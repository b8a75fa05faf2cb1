"""Leaky integrator: a readout that never fires."""

from typing import Self

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_fraction, check_positive
from spikelearn.neurons.base import NEURONS, Discretisation, Neuron, decay_per_step
from spikelearn.neurons.lif import LIFState
from spikelearn.neurons.spike_function import SpikeFunction


@NEURONS.register("leaky-integrator")
class LeakyIntegrator(Neuron):
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
        tau_mem: float = 20e-3,
        *,
        v_leak: float = 0.0,
        r: float = 1.0,
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
    ) -> None:
        super().__init__()
        check_finite("v_leak", v_leak)
        check_positive("r", r)
        check_positive("dt", dt, "s")
        self.tau_mem, self.v_leak, self.r, self.dt = tau_mem, v_leak, r, dt
        self.discretisation = discretisation
        self.decay_mem = decay_per_step(tau_mem, dt, discretisation, "tau_mem")
        self.gain_mem = (1.0 - self.decay_mem) * r
        self.leak = (1.0 - self.decay_mem) * v_leak

    @classmethod
    def per_step(cls, decay: float = 0.9, *, dt: float = 1e-3) -> Self:
        r"""The form with unit gain, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$; ``decay`` in [0, 1)."""
        check_fraction("decay", decay, below_one=True)
        neuron = cls(dt / (1.0 - decay), r=1.0 / (1.0 - decay), discretisation="euler", dt=dt)
        neuron.decay_mem, neuron.gain_mem = decay, 1.0
        return neuron

    def initial_state(self, current: Tensor) -> LIFState:
        return LIFState(v=torch.full_like(current, self.v_leak, requires_grad=False))

    def step(
        self,
        state: LIFState,
        current: Tensor,
        spike_function: SpikeFunction,
    ) -> tuple[Tensor, Tensor, LIFState]:
        self.check_state(state, current)
        v = self.decay_mem * state.v + (self.gain_mem * current + self.leak)
        return torch.zeros_like(v, requires_grad=False), v, LIFState(v)
