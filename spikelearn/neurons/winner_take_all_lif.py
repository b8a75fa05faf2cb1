"""Leaky integrate-and-fire neurons of which a few fire at a time, and silence the others."""

from typing import Self, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.neurons.base import NEURONS, MembraneState, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.winners import UNITS, winners_of


@NEURONS.register("winner-take-all-lif")
class WinnerTakeAllLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neurons with lateral inhibition that is as quick as a step.

    Potential, threshold and reset are those of LIF, but of the neurons of a layer (in an image, of the maps at a place)
    that are above threshold the ``winners`` that are furthest above it fire. Where one fires, the membranes of all the
    others go back to v_leak, so that they must begin anew. The potential that is reported is what was compared with the
    threshold: that of a neuron that lost is as far below it as it was above.

    Args:
        tau_mem: membrane time constant, seconds.
        winners: how many neurons fire in a step at most.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, n, ...] per step, competition along n; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive, no winner; tau_mem < dt with "euler"; threshold not above rest; state and
            current differ in shape.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015, one winner at a time by lateral inhibition.
    deviation: inhibition is no synapse with a time course of its own, but at once and complete.
    """

    def __init__(self, tau_mem: Constant = 20e-3, *, winners: int = 1, **options: Unpack[LeakyOptions]) -> None:
        super().__init__(tau_mem, **options)
        check_count("winners", winners)
        self.winners = winners

    @classmethod
    def per_step(cls, decay: Constant = 0.9, *, winners: int = 1, **options: Unpack[StepOptions]) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1).
            winners: as in the constructor.
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        return cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options, winners=winners)

    def step(
        self, state: MembraneState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, MembraneState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        above = v - self.v_threshold
        compared = torch.where(winners_of(above, self.winners), v, v - above - above.abs())
        z, v_next = self.fire(v, spike_function, compared)
        silenced = (z.detach().amax(UNITS, keepdim=True) > 0) & (z.detach() == 0)
        return z, compared, MembraneState(torch.where(silenced, torch.as_tensor(self.v_leak).to(v), v_next))

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: which neurons win depends on all of them."""
        return Neuron.steady_rate(self, current)
