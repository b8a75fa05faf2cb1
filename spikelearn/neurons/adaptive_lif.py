"""Leaky integrate-and-fire neuron whose threshold rises with every spike."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_fraction
from spikelearn.neurons.base import NEURONS, Discretisation, MembraneNeuron, Neuron, Reset, decay_per_step
from spikelearn.neurons.spike_function import SpikeFunction


class AdaptiveLIFState(NamedTuple):
    """v: membrane potential after reset; a: adaptation, spikes; both [B, ...]."""

    v: Tensor
    a: Tensor


@NEURONS.register("adaptive-lif")
class AdaptiveLIF(MembraneNeuron):
    r"""Leaky integrate-and-fire neuron whose threshold rises with every spike and falls back.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I, \qquad z = \Theta(v - \beta\,a - v_{threshold}), \qquad
      \tau_{adaptation}\,\dot a = -a \ \text{between spikes}, \quad a \leftarrow a + 1 \ \text{at a spike}$$

    then the reset of LIF: $v \leftarrow v_{reset}$ ("to_value"), or $v \leftarrow v - v_{threshold}$ ("subtract": what
    is subtracted does not rise with the threshold). What is computed:
    $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t])$, $z[t] = \Theta(v[t] - \beta\,a[t-1] - v_{threshold})$,
    reset, $a[t] = \rho\,a[t-1] + z[t]$; $\lambda = e^{-dt/\tau_{mem}}$ and $\rho = e^{-dt/\tau_{adaptation}}$
    ("exact") or $1 - dt/\tau$ ("euler"). It starts at v_leak, not adapted. The potential that it reports is
    $v - \beta\,a$, what was compared with ``v_threshold``. Derivatives run through z into a; through the reset as the
    spike function says. It has no rate map.

    Args:
        tau_mem, tau_adaptation: time constants of membrane and threshold, seconds.
        beta: rise of the threshold per spike, same unit as ``v_threshold``.
        v_threshold: firing threshold at rest, dimensionless (1 = the usual scale).
        v_reset, v_leak: same unit as ``v_threshold``; v_reset is not used by "subtract".
        r: input resistance, ``v_threshold`` per unit of current.
        reset: "to_value" or "subtract".
        discretisation: "exact" or "euler".
        dt: time step, seconds.
        inclusive: also fire at equality.

    Shapes: current [B, ...] per step; states ``v`` and ``a``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; threshold not above rest; state and
            current differ in shape.

    Source: Bellec et al., Nature Communications 11, 2020, the ALIF model; Bellec et al., NeurIPS 2018.
    """

    def __init__(
        self,
        tau_mem: float = 20e-3,
        tau_adaptation: float = 200e-3,
        *,
        beta: float = 0.2,
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
        check_finite("beta", beta)
        check_flag("inclusive", inclusive)
        self.tau_mem, self.tau_adaptation, self.beta = tau_mem, tau_adaptation, beta
        self.discretisation, self.inclusive = discretisation, inclusive
        self.decay_mem = decay_per_step(tau_mem, dt, discretisation, "tau_mem")
        self.decay_adaptation = decay_per_step(tau_adaptation, dt, discretisation, "tau_adaptation")
        self.gain_mem = (1.0 - self.decay_mem) * r
        self.leak = (1.0 - self.decay_mem) * v_leak

    @classmethod
    def per_step(
        cls,
        decay: float = 0.9,
        decay_adaptation: float = 0.95,
        *,
        beta: float = 0.2,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        reset: Reset = "to_value",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay, decay_adaptation: factors $\lambda$ and $\rho$ per step, in [0, 1).
            beta, v_threshold, v_reset, reset, dt, inclusive: as in the constructor.
        """
        check_fraction("decay", decay, below_one=True)
        check_fraction("decay_adaptation", decay_adaptation, below_one=True)
        neuron = cls(
            dt / (1.0 - decay),
            dt / (1.0 - decay_adaptation),
            beta=beta,
            v_threshold=v_threshold,
            v_reset=v_reset,
            r=1.0 / (1.0 - decay),
            reset=reset,
            discretisation="euler",
            dt=dt,
            inclusive=inclusive,
        )
        neuron.decay_mem, neuron.gain_mem, neuron.decay_adaptation = decay, 1.0, decay_adaptation
        return neuron

    def initial_state(self, current: Tensor) -> AdaptiveLIFState:
        v = torch.full_like(current, self.v_leak, requires_grad=False)
        return AdaptiveLIFState(v, torch.zeros_like(v))

    def step(
        self, state: AdaptiveLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, AdaptiveLIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        compared = v - self.beta * state.a
        z, v_next = self.fire(v, spike_function, compared)
        return z, compared, AdaptiveLIFState(v_next, self.decay_adaptation * state.a + z)

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance does not say how far the threshold has risen."""
        return Neuron.steady_rate(self, current)
