"""Leaky integrate-and-fire neuron with an absolute refractory time."""

from typing import NamedTuple, Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import LeakyNeuron, Reset, StepOptions, check_decay
from spikelearn.neurons.parts.refractory_time import RefractoryTime
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.refractory_alif import Options


class RefractoryLIFState(NamedTuple):
    """v: membrane potential after reset; rest: steps for which it is still held; both [B, ...]."""

    v: Tensor
    rest: Tensor


@NEURONS.register("refractory-lif")
class RefractoryLIF(LeakyNeuron, RefractoryTime):
    r"""Leaky integrate-and-fire neuron that rests after a spike, deaf to its input.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + r\,I, \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$, where it stays for ``refractory_time``: a spike of step t is followed by
    $n = \mathrm{round}(\mathrm{refractory\_time}/dt)$ steps in which $v = v_{reset}$ whatever arrives. Otherwise a LIF,
    $v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t])$. It starts at v_leak. It has no rate map.

    Args:
        tau_mem: membrane time constant, seconds.
        refractory_time: for which it rests, seconds, rounded to whole steps.
        reset: "to_value", the only one.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive, a negative refractory time; tau_mem < dt with "euler"; another reset; threshold
            not above rest; state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3; NEST's ``iaf_psc_delta`` has the same membrane.
    """

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        *,
        refractory_time: Constant = 2e-3,
        reset: Reset = "to_value",
        **options: Unpack[Options],
    ) -> None:
        check_choice("reset", reset, ("to_value",))
        super().__init__(tau_mem, reset=reset, **options)
        self._set_refractory_time(refractory_time)

    @classmethod
    def per_step(
        cls, decay: Constant = 0.9, *, refractory_time: Constant = 2e-3, **options: Unpack[StepOptions]
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1).
            refractory_time: as in the constructor.
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        return cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options, refractory_time=refractory_time)

    def initial_state(self, current: Tensor) -> RefractoryLIFState:
        v = super().initial_state(current).v
        return RefractoryLIFState(v, torch.zeros_like(v))

    def step(
        self, state: RefractoryLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, RefractoryLIFState]:
        self.check_state(state, current)
        v = self.held(self.integrate(state.v, current), state.rest, self.v_reset)
        z, v_next = self.fire(v, spike_function)
        return z, v, RefractoryLIFState(v_next, self.rested(z, state.rest))

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance does not know of the rest."""
        return Neuron.steady_rate(self, current)
