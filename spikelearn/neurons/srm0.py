"""Spike response neuron of order zero: it remembers its last spike alone."""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_not_negative
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import Discretisation
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.synaptic_filter import SynapticFilter


class SRM0State(NamedTuple):
    """q: synaptic current; p: postsynaptic potential; h: what the last spike left to the step to come; all [B, ...]."""

    q: Tensor
    p: Tensor
    h: Tensor


@NEURONS.register("srm0")
class SRM0(SynapticFilter):
    r"""Spike response neuron whose refractory potential is that of its last spike, however many came before.

    $$v[t] = \eta(t - \hat t) + \sum_{k \leq t} \kappa(t - k)\,I[k], \qquad z[t] = \Theta(v[t] - v_{threshold})$$

    with $\hat t$ the last spike, $\eta(s) = -\eta_0\,\gamma^s$ and
    $\kappa(s) = (1-\alpha)(1-\lambda)\,r\,(\lambda^{s+1} - \alpha^{s+1})/(\lambda - \alpha)$, s in steps;
    $\alpha = e^{-dt/\tau_{syn}}$, $\lambda = e^{-dt/\tau_{mem}}$ and $\gamma = e^{-dt/\tau_{refractory}}$ ("exact") or
    $1 - dt/\tau$ ("euler"). It is computed by three numbers a neuron, $q[t] = \alpha\,q[t-1] + (1-\alpha)\,I[t]$,
    $p[t] = \lambda\,p[t-1] + (1-\lambda)\,r\,q[t]$ and $h[t+1] = -\gamma\,\eta_0$ behind a spike, else $\gamma\,h[t]$.
    Spikes take nothing from the postsynaptic potential p. In ``spike-response`` refractory potentials add up, here the
    new one replaces the old. It starts at 0. It has no rate map.

    Args:
        tau_mem, tau_syn, tau_refractory: time constants of membrane, synapse and refractory potential, seconds.
        refractory: $\eta_0$, unit of v.
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        r: input resistance, unit of v per unit of current.
        discretisation: "exact" or "euler".
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a negative ``refractory``; a time constant < dt with "euler"; state and current
            differ in shape.

    Source: Gerstner & Kistler, Spiking Neuron Models, 2002, section 4.2.3 (simplified model SRM0); Gerstner et al.,
    Neuronal Dynamics, 2014, section 6.4.
    """

    refractory: Constant
    tau_refractory: Constant
    decay_refractory: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_syn: Constant = 2e-3,
        tau_refractory: Constant = 5e-3,
        *,
        refractory: Constant = 1.0,
        v_threshold: Constant = 1.0,
        r: Constant = 10.0,
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        check_flag("inclusive", inclusive)
        self._set_filters(tau_mem, tau_syn, r, dt, discretisation)
        self.inclusive = inclusive
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_finite))
        self.set_constant("refractory", given("refractory", refractory, check_not_negative))
        self._set_decay_of("refractory", tau_refractory, discretisation)

    def initial_state(self, current: Tensor) -> SRM0State:
        p = super().initial_state(current).v
        return SRM0State(torch.zeros_like(p), p, torch.zeros_like(p))

    def step(
        self, state: SRM0State, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, SRM0State]:
        self.check_state(state, current)
        q, p = self.filtered(state.q, state.p, current)
        v = p + state.h
        z = spike_function(v - self.v_threshold, self.inclusive)
        spiked = z if spike_function.reset_gradient else z.detach()
        h = self.decay_refractory * ((1.0 - spiked) * state.h - spiked * self.refractory)
        return z, v, SRM0State(q, p, h)
