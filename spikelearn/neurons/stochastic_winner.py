"""Neurons of which one fires in every step, drawn by chance."""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_fraction, check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.streams import streams, uniform
from spikelearn.neurons.parts.winners import UNITS, winners_of


class StochasticWinnerState(NamedTuple):
    """v: potential; stream: random numbers to come, int64; both [B, ...]."""

    v: Tensor
    stream: Tensor


@NEURONS.register("stochastic-winner")
class StochasticWinner(Neuron):
    r"""A layer whose neurons race: in every step one fires, with the probability of a softmax of the potentials.

    $$v[t] = \mathrm{decay}\;v[t-1] + I[t], \qquad P(z_k[t] = 1) = \frac{e^{\beta v_k}}{\sum_j e^{\beta v_j}}$$

    in an image at every place by itself, among the maps. What is computed: the largest of $\beta v_k + \xi_k$ fires,
    with $\xi = -\ln(-\ln u)$ and u uniform in (0, 1), which is that probability; with more ``winners`` so many are
    drawn one after the other, none twice. There is no reset. The potential that is reported is $\beta v + \xi$ less
    that of the first neuron that does not fire, and the threshold 0. The numbers u come from streams in the state, as
    those of ``EscapeNoiseLIF``. It has no rate map.

    Args:
        t_inv: $\beta$, inverse temperature, per unit of v.
        decay: of the potential, factor per step; 0: every step by itself.
        winners: neurons that fire in a step.
        dt: time step, seconds; kept for traces.

    Shapes: current [B, n, ...] per step, n above ``winners``; states ``v`` and ``stream``, spikes and v have its shape.

    Raises:
        ValueError: a value out of range; as many winners as neurons; state and current differ in shape.

    Source: Nessler, Pfeiffer, Buesing & Maass, PLoS Computational Biology 9, 2013; drawn as in Gumbel, 1954.
    """

    random = True
    v_threshold = 0.0

    def __init__(self, t_inv: float = 12.0, *, decay: float = 0.0, winners: int = 1, dt: float = 1e-3) -> None:
        super().__init__()
        check_positive("t_inv", t_inv)
        check_fraction("decay", decay, below_one=True)
        check_count("winners", winners)
        check_positive("dt", dt, "s")
        self.t_inv, self.decay_mem, self.winners, self.dt = t_inv, decay, winners, dt

    def initial_state(self, current: Tensor) -> StochasticWinnerState:
        """At 0, with streams that follow from the samples' places in the batch."""
        if current.shape[UNITS] <= self.winners:
            raise ValueError(
                f"StochasticWinner lets {self.winners} of {current.shape[UNITS]} neurons fire, expected fewer winners "
                "than neurons: make the layer wider"
            )
        v = torch.zeros_like(current, requires_grad=False)
        return StochasticWinnerState(v, streams(torch.arange(len(current)), "", current))

    def step(
        self, state: StochasticWinnerState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, StochasticWinnerState]:
        self.check_state(state, current)
        v = self.decay_mem * state.v + current
        u, stream = uniform(state.stream, v.dtype)
        race = self.t_inv * v - torch.log(-torch.log(u))
        wins = winners_of(race, self.winners)
        ahead = race - race.masked_fill(wins, -torch.inf).amax(UNITS, keepdim=True)
        compared = torch.where(wins, ahead.clamp(min=torch.finfo(v.dtype).tiny), ahead)
        return spike_function(compared, self.inclusive), compared, StochasticWinnerState(v, stream)
