"""Integrate-and-fire neuron that fires at most once in a presentation."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.spike_function import SpikeFunction

#: Axes of a current [B, C, H, W].
IMAGE = 4


class FirstSpikeIFState(NamedTuple):
    """v: membrane potential; silenced: 1 where the neuron fires no more; both [B, ...]."""

    v: Tensor
    silenced: Tensor


@NEURONS.register("first-spike-if")
class FirstSpikeIF(Neuron):
    r"""Integrate-and-fire neuron whose first spike is its only one.

    $$v[t] = v[t-1] + I[t], \qquad z[t] = \Theta(v[t] - v_{threshold})\,\prod_{s<t} (1 - z[s])$$

    The current is taken per step (charge). The potential starts at 0, does not leak and is not reset: behind the spike
    it goes on to add up, but the neuron stays silent. With a ``window`` above 1 the first of the neurons of a window in
    a map silences the others, those that fire in the same step excepted; a max pool of that size behind it then sends
    one spike a window at most, the first. Neurons of a dense layer have no window. The potential that is reported is
    what was compared with the threshold: -|v| of a neuron that was silenced. It has no rate map.

    Args:
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        window: edge of the windows of a map in which only the first spike is sent, neurons; 1: all are.
        dt: time step, seconds; kept for traces and export.

    Shapes: current [B, n] or [B, C, H, W] per step; state, spikes and v have its shape.

    Raises:
        ValueError: threshold or ``dt`` not positive, a window below 1; state and current differ in shape.

    Source: Kheradpisheh, Ganjtabesh, Thorpe & Masquelier, Neural Networks 99, 2018, sections 2.2 and 2.3. deviation:
    windows do not overlap, and their first spike silences neurons before the pool in place of the pool itself.
    """

    v_threshold: Constant

    def __init__(self, v_threshold: Constant = 1.0, *, window: int = 1, dt: float = 1e-3) -> None:
        super().__init__()
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_positive))
        check_count("window", window)
        check_positive("dt", dt, "s")
        self.window, self.dt = window, dt

    def initial_state(self, current: Tensor) -> FirstSpikeIFState:
        if self.per_neuron:
            self.check_constants(current)
        zero = torch.zeros_like(current, requires_grad=False)
        return FirstSpikeIFState(zero, zero)

    def step(
        self, state: FirstSpikeIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, FirstSpikeIFState]:
        self.check_state(state, current)
        v = state.v + current
        compared = torch.where(state.silenced > 0, -v.abs(), v)
        z = spike_function(compared - self.v_threshold, self.inclusive)
        return z, compared, FirstSpikeIFState(v, state.silenced.maximum(self._reached(z.detach())))

    def _reached(self, z: Tensor) -> Tensor:
        """1 in every window with a spike."""
        if self.window == 1 or z.ndim != IMAGE:
            return z
        pooled = F.max_pool2d(z, self.window, ceil_mode=True)
        return F.interpolate(pooled, scale_factor=self.window)[..., : z.shape[2], : z.shape[3]]

    def extra_repr(self) -> str:
        return f"v_threshold={self.v_threshold}, window={self.window}, dt={self.dt}"
