"""Leaky integrate-and-fire neuron that fires by chance, the more likely the higher its potential."""

import math
from typing import NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.streams import streams, uniform


class EscapeNoiseLIFState(NamedTuple):
    """v: membrane potential after reset; stream: random numbers to come, int64; both [B, ...]."""

    v: Tensor
    stream: Tensor


@NEURONS.register("escape-noise-lif")
class EscapeNoiseLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron with an exponential escape rate.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I, \qquad \rho(v) = \rho_0\,e^{(v - v_{threshold})/\Delta}, \qquad
      P(z[t] = 1) = 1 - e^{-\rho(v[t])\,dt}$$

    then the reset of LIF. What is computed: $v[t]$ as in LIF; $z[t] = \Theta(v[t] - \xi[t] - v_{threshold})$ with
    $\xi = \Delta\ln(-\ln(1 - u)/(\rho_0\,dt))$ and u uniform in (0, 1), which fires with that probability; reset. The
    potential that it reports is $v - \xi$, what was compared with ``v_threshold``: so any surrogate crosses it, and in
    the mean over the noise a narrow one is the slope of the probability itself.

    The numbers u come from streams in the state, one a neuron and sample, that start from the sample's seed
    (``Network.drawing``): the same seed gives the same spikes. It has no rate map.

    Args:
        tau_mem: membrane time constant, seconds.
        width: $\Delta$, same unit as ``v_threshold``; small: a LIF.
        rate: $\rho_0$, spikes per second at the threshold.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states ``v`` and ``stream``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time, ``width`` or ``rate`` not positive; tau_mem < dt with "euler"; threshold not above rest;
            state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 9.1 (escape noise), probability per step as in 9.4.
    """

    random = True
    width: Constant

    def __init__(
        self, tau_mem: Constant = 20e-3, *, width: Constant = 0.1, rate: float = 1000.0, **options: Unpack[LeakyOptions]
    ) -> None:
        super().__init__(tau_mem, **options)
        check_positive("rate", rate, "spikes per second")
        self.set_constant("width", given("width", width, check_positive))
        self.rate = rate

    @classmethod
    def per_step(
        cls, decay: Constant = 0.9, *, width: Constant = 0.1, rate: float = 1000.0, **options: Unpack[StepOptions]
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1).
            width, rate: as in the constructor.
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        return cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options, width=width, rate=rate)

    def initial_state(self, current: Tensor) -> EscapeNoiseLIFState:
        """At rest, with streams that follow from the samples' places in the batch."""
        v = super().initial_state(current).v
        return EscapeNoiseLIFState(v, streams(torch.arange(len(current)), "", current))

    def step(
        self, state: EscapeNoiseLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, EscapeNoiseLIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        u, stream = uniform(state.stream, v.dtype)
        noise = torch.log1p(-u).neg_().log_().sub_(math.log(self.rate * self.dt)).mul_(self.width)
        compared = v - noise
        z, v_next = self.fire(v, spike_function, compared)
        return z, compared, EscapeNoiseLIFState(v_next, stream)

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: the mean of what chance gives has no closed form for a leaky membrane."""
        return Neuron.steady_rate(self, current)
