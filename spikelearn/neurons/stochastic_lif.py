"""Leaky integrate-and-fire neuron with a noisy membrane."""

import math
from typing import NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_not_negative
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.streams import streams, uniform


class StochasticLIFState(NamedTuple):
    """v: membrane potential after reset; stream: random numbers to come, int64; both [B, ...]."""

    v: Tensor
    stream: Tensor


@NEURONS.register("stochastic-lif")
class StochasticLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron whose membrane is driven by white noise too.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I + \sigma\sqrt{2\,\tau_{mem}}\,\xi(t), \qquad
      z = \Theta(v - v_{threshold})$$

    then the reset of LIF. Without a threshold v has a normal distribution of standard deviation $\sigma$ about
    $v_{leak} + r\,I$. What is computed, exact for a current that stays:
    $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t]) + \sigma\sqrt{1-\lambda^2}\,n[t]$ with n of the standard
    normal distribution. The noise is kept on the membrane; where chance stands at the threshold instead, and leaves the
    membrane as it is, the neuron is ``escape-noise-lif``. The numbers n come from streams in the state, as those of
    ``EscapeNoiseLIF``. It has no rate map.

    Args:
        tau_mem: membrane time constant, seconds.
        sigma: $\sigma$, unit of v; 0: a LIF.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states ``v`` and ``stream``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive, a negative ``sigma``; tau_mem < dt with "euler"; threshold not above rest;
            state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 8.1 (noise in the input current, equation 8.8 with
    $\sigma$ the standard deviation of the free membrane).
    """

    random = True
    sigma: Constant
    gain_noise: Constant

    def __init__(self, tau_mem: Constant = 20e-3, *, sigma: Constant = 0.3, **options: Unpack[LeakyOptions]) -> None:
        super().__init__(tau_mem, **options)
        self.set_constant("sigma", given("sigma", sigma, check_not_negative))
        self._set_gain_of_noise()

    def _set_gain_of_noise(self) -> None:
        share = 1.0 - self.decay_mem * self.decay_mem
        self.set_constant("gain_noise", self.sigma * (share.sqrt() if isinstance(share, Tensor) else math.sqrt(share)))

    @classmethod
    def per_step(cls, decay: Constant = 0.9, *, sigma: Constant = 0.3, **options: Unpack[StepOptions]) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1).
            sigma: as in the constructor.
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        neuron = cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options, sigma=sigma)
        neuron._set_gain_of_noise()
        return neuron

    def initial_state(self, current: Tensor) -> StochasticLIFState:
        """At rest, with streams that follow from the samples' places in the batch."""
        v = super().initial_state(current).v
        return StochasticLIFState(v, streams(torch.arange(len(current)), "", current))

    def step(
        self, state: StochasticLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, StochasticLIFState]:
        self.check_state(state, current)
        u, stream = uniform(state.stream, state.v.dtype)
        v = self.integrate(state.v, current) + self.gain_noise * torch.special.ndtri(u)
        z, v_next = self.fire(v, spike_function)
        return z, v, StochasticLIFState(v_next, stream)

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: the mean of what chance gives has no closed form for a membrane that takes steps."""
        return Neuron.steady_rate(self, current)
