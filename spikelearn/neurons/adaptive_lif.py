"""Leaky integrate-and-fire neuron whose threshold rises with every spike."""

from typing import Any, NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction


class AdaptiveLIFState(NamedTuple):
    """v: membrane potential after reset; a: adaptation, spikes; both [B, ...]."""

    v: Tensor
    a: Tensor


@NEURONS.register("adaptive-lif")
class AdaptiveLIF(LeakyNeuron):
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
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states ``v`` and ``a``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; threshold not above rest; state and
            current differ in shape.

    Source: Bellec et al., Nature Communications 11, 2020, the ALIF model; Bellec et al., NeurIPS 2018.
    """

    tau_adaptation: Constant
    decay_adaptation: Constant
    beta: Constant

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        tau_adaptation: Constant = 200e-3,
        *,
        beta: Constant = 0.2,
        **options: Unpack[LeakyOptions],
    ) -> None:
        super().__init__(tau_mem, **options)
        self.set_constant("beta", given("beta", beta, check_finite))
        self._set_decay_of("adaptation", tau_adaptation, self.discretisation)

    @classmethod
    def per_step(
        cls,
        decay: Constant = 0.9,
        decay_adaptation: Constant = 0.95,
        *,
        beta: Constant = 0.2,
        **options: Unpack[StepOptions],
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay, decay_adaptation: factors $\lambda$ and $\rho$ per step, in [0, 1).
            beta: as in the constructor.
            options: as in the constructor; with v_leak, $(1-\lambda)\,v_{leak}$ is added at each step.
        """
        decay = given("decay", decay, check_decay)
        decay_adaptation = given("decay_adaptation", decay_adaptation, check_decay)
        decays = {"mem": decay, "adaptation": decay_adaptation}
        return cls._of_decays(decays, 1.0 / (1.0 - decay), options, beta=beta)

    def initial_state(self, current: Tensor) -> AdaptiveLIFState:
        v = super().initial_state(current).v
        return AdaptiveLIFState(v, torch.zeros_like(v))

    def step(
        self, state: AdaptiveLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, AdaptiveLIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        compared = v - self.beta * state.a
        z, v_next = self.fire(v, spike_function, compared)
        return z, compared, AdaptiveLIFState(v_next, self.decay_adaptation * state.a + z)

    def threshold_rise(self, state: Any) -> Tensor:
        rise: Tensor = self.beta * state.a
        return rise

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance does not say how far the threshold has risen."""
        return Neuron.steady_rate(self, current)
