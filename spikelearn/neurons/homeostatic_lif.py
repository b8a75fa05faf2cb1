"""Leaky integrate-and-fire neuron whose threshold rises with every spike and is kept between presentations."""

from typing import Any, NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_not_negative
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import (
    LeakyNeuron,
    LeakyOptions,
    StepOptions,
    check_decay,
    check_time,
    decay_per_step,
)
from spikelearn.neurons.parts.spike_function import SpikeFunction


class HomeostaticLIFState(NamedTuple):
    """v: membrane potential after reset; theta: rise of the threshold; both [B, ...]."""

    v: Tensor
    theta: Tensor


@NEURONS.register("homeostatic-lif")
class HomeostaticLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron whose threshold remembers how much it has fired, over all of a training.

    $$z = \Theta(v - \theta - v_{threshold}), \qquad \tau_{theta}\,\dot\theta = -\theta \ \text{between spikes}, \quad
      \theta \leftarrow \theta + \theta_{plus} \ \text{at a spike}$$

    with the membrane and the reset of LIF. What is computed: v[t] as in LIF,
    $z[t] = \Theta(v[t] - \theta[t-1] - v_{threshold})$, $\theta[t] = e^{-dt/\tau_{theta}}\,\theta[t-1] +
    \theta_{plus}\,z[t]$. A presentation in training mode leaves $\theta$, mean over the samples of its batch, to the
    next one, in the buffer ``theta``, [n] or [C, H, W], which is stored with the weights; in evaluation it begins there
    and leaves it alone. So a neuron that fires more than others becomes harder to drive. ``run`` and ``stream`` keep
    it, ``step`` does not. The potential that it reports is $v - \theta$; $\theta$ has no derivative. It has no rate
    map.

    Args:
        tau_mem: membrane time constant, seconds.
        theta_plus: rise of the threshold per spike, same unit as ``v_threshold``.
        tau_theta: time constant of its fall, seconds.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive, a negative ``theta_plus``; tau_mem < dt with "euler"; threshold not above rest;
            state and current differ in shape.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015 (0.05 mV and 10^4 s, here in units of their
    threshold less rest, 13 mV). deviation: theirs has conductances and shows one image at a time; the mean over a batch
    moves B times less per image.
    """

    kept = ("theta",)

    theta: Tensor
    theta_plus: Constant
    tau_theta: Constant
    decay_theta: Constant

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        *,
        theta_plus: Constant = 0.05 / 13,
        tau_theta: Constant = 1e4,
        **options: Unpack[LeakyOptions],
    ) -> None:
        super().__init__(tau_mem, **options)
        self.set_constant("theta_plus", given("theta_plus", theta_plus, check_not_negative))
        self.set_constant("tau_theta", given("tau_theta", tau_theta, check_time))
        self.set_constant("decay_theta", decay_per_step(self.tau_theta, self.dt, "exact", "tau_theta"))
        self.register_buffer("theta", torch.zeros(()))

    @classmethod
    def per_step(
        cls,
        decay: Constant = 0.9,
        *,
        theta_plus: Constant = 0.05 / 13,
        tau_theta: Constant = 1e4,
        **options: Unpack[StepOptions],
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1).
            theta_plus, tau_theta: as in the constructor.
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        own = {"theta_plus": theta_plus, "tau_theta": tau_theta}
        return cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options, **own)

    def initial_state(self, current: Tensor) -> HomeostaticLIFState:
        v = super().initial_state(current).v
        return HomeostaticLIFState(v, torch.zeros_like(v) + self.theta.to(v))

    def step(
        self, state: HomeostaticLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, HomeostaticLIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        compared = v - state.theta
        z, v_next = self.fire(v, spike_function, compared)
        theta = self.decay_theta * state.theta.detach() + self.theta_plus * z.detach()
        return z, compared, HomeostaticLIFState(v_next, theta)

    def keep(self, state: HomeostaticLIFState) -> None:
        self._buffers["theta"] = state.theta.detach().mean(0).to(self.theta)

    def threshold_rise(self, state: Any) -> Tensor:
        rise: Tensor = state.theta
        return rise

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance does not say how far the threshold has risen."""
        return Neuron.steady_rate(self, current)
