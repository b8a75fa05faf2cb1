"""Poisson neuron: a rate that follows the current, and spikes by chance."""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.streams import BITS, between, streams, uniform

#: Draws to both sides of the calculated probability that are tried, which rounding may put on the other side.
MARGIN = 4


class PoissonState(NamedTuple):
    """stream: random numbers to come, int64 [B, ...]."""

    stream: Tensor


@NEURONS.register("poisson")
class Poisson(Neuron):
    r"""Source of Poisson spikes, at a rate that is the current's: no membrane, no memory.

    $$\rho[t] = \mathrm{rate}\cdot\max(I[t], 0), \qquad P(z[t] = 1) = 1 - e^{-\rho[t]\,dt}$$

    the probability that a Poisson process of that rate fires in the step; a second spike within a step is lost. Behind
    a synapse without weights (``Block(nn.Identity(), Poisson(200.0))``) it is an input source, whose intensity 1 is
    ``rate``; behind weights it is the neuron of a linear-nonlinear Poisson model. What is computed:
    $z = \Theta(\rho\,dt - \xi)$ with $\xi = -\ln(1-u)$ and u uniform in (0, 1), which fires with that probability. The
    potential that it reports is $\rho\,dt - \xi$ and the threshold 0: so any surrogate crosses it, and in the mean over
    the noise a narrow one is the slope of the probability itself. The numbers u come from streams in the state, as
    those of ``EscapeNoiseLIF``. It has no rate map.

    Args:
        rate: spikes per second at a current of 1.
        dt: time step, seconds.

    Shapes: current [B, ...] per step; state ``stream``, spikes and v have the shape of the current.

    Raises:
        ValueError: ``rate`` or ``dt`` not positive; state and current differ in shape.

    Source: Dayan & Abbott, Theoretical Neuroscience, 2001, section 1.4; Chichilnisky, Network 12, 2001.
    """

    random = True
    v_threshold = 0.0

    rate: Constant

    def __init__(self, rate: Constant = 500.0, *, dt: float = 1e-3) -> None:
        super().__init__()
        check_positive("dt", dt, "s")
        self.dt = dt
        self.set_constant("rate", given("rate", rate, check_positive))

    def initial_state(self, current: Tensor) -> PoissonState:
        """Streams that follow from the samples' places in the batch."""
        if self.per_neuron:
            self.check_constants(current)
        return PoissonState(streams(torch.arange(len(current)), "", current))

    def step(
        self, state: PoissonState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, PoissonState]:
        self.check_state(state, current)
        u, stream = uniform(state.stream, current.dtype)
        v = self.rate * self.dt * current.relu() + torch.log1p(-u)
        return spike_function(v - self.v_threshold, self.inclusive), v, PoissonState(stream)

    def spikes_below(self, current: Tensor) -> Tensor:
        """Under which whole number a draw of a stream makes a spike in ``step``, int64, shaped like the current.

        Of ``BITS`` bits for the current's type. So a loop that compares whole numbers fires as ``step`` does.
        """
        bits, charge = BITS[current.dtype], self.rate * self.dt * current.relu()
        near = (-torch.expm1(-charge.double()) * 2.0**bits - 0.5).floor().long()
        below = (near - MARGIN).clamp(min=0)
        for whole in (near + offset for offset in range(-MARGIN, MARGIN + 1)):
            known = (whole >= 0) & (whole < 1 << bits)
            fires = charge + torch.log1p(-between(whole, current.dtype)) > self.v_threshold
            below += known & fires
        return below
