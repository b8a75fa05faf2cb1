"""Leaky integrate-and-fire neuron whose input currents rise and fall as alpha functions."""

import math
from typing import NamedTuple, TypedDict, Unpack

import torch
from torch import Tensor

from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import MembraneNeuron, Reset, check_time
from spikelearn.neurons.parts.refractory_time import RefractoryTime
from spikelearn.neurons.parts.spike_function import SpikeFunction


class AlphaLIFState(NamedTuple):
    """v: potential after reset; i: synaptic current; x: what feeds it, units of its peak; rest: steps; all [B, ...]."""

    v: Tensor
    i: Tensor
    x: Tensor
    rest: Tensor


class AlphaOptions(TypedDict, total=False):
    """Options of ``MembraneNeuron`` but for the resistance; types and defaults stand in its constructor."""

    v_threshold: Constant
    v_reset: Constant
    reset: Reset
    dt: float
    inclusive: bool


@NEURONS.register("alpha-lif")
class AlphaLIF(MembraneNeuron, RefractoryTime):
    r"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents.

    $$i(t) = \sum_k I_k\,\frac{e}{\tau_{syn}}\,(t - t_k)\,e^{-(t - t_k)/\tau_{syn}}, \qquad
      \tau_{mem}\,\dot v = (v_{leak} - v) + r\,i, \qquad z = \Theta(v - v_{threshold})$$

    What arrives in a step is a pulse at its beginning, whose current has its peak, of the pulse's size, $\tau_{syn}$
    later. Between pulses $\tau_{syn}\,\dot x = -x$, $\tau_{syn}\,\dot i = e\,x - i$ and the membrane are linear, and
    are integrated exactly, by the exponential of their matrix: $x \leftarrow x + I[t]$, then $(x, i, v) \leftarrow
    e^{A\,dt}(x, i, v - v_{leak}) + (0, 0, v_{leak})$; equal time constants are no exception. Then spike and reset of
    LIF; a neuron that rests is held at v_reset while currents go on. It starts at v_leak. It has no rate map.

    Args:
        tau_mem, tau_syn: membrane and synaptic time constant, seconds.
        v_leak: resting potential, same unit as ``v_threshold``.
        r: input resistance, ``v_threshold`` per unit of current.
        refractory_time: for which v is held at v_reset, seconds, rounded to whole steps; with reset "to_value" alone.
        options: the other ones of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive, a negative refractory time, one with reset "subtract"; threshold not above
            rest; state and current differ in shape.

    Source: Rall, Journal of Neurophysiology 30, 1967 (alpha function); Rotter & Diesmann, Biological Cybernetics 81,
    1999 (exact integration), which NEST's ``iaf_psc_alpha`` does too.
    """

    leaks = True

    tau_syn: Constant
    decay_syn: Constant
    rise_syn: Constant
    gain_x: Constant
    gain_i: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_syn: Constant = 2e-3,
        *,
        v_leak: Constant = 0.0,
        r: Constant = 2.0,
        refractory_time: Constant = 0.0,
        **options: Unpack[AlphaOptions],
    ) -> None:
        super().__init__(r=r, **options)
        self._set_leak(tau_mem, v_leak, "exact")
        self._check_rest()
        self._set_refractory_time(refractory_time)
        if self.rests and self.reset != "to_value":
            raise ValueError(
                f'reset is {self.reset!r} with refractory_time {refractory_time}, expected "to_value": a neuron that '
                "rests is held at v_reset"
            )
        tau_syn = given("tau_syn", tau_syn, check_time)
        self.set_constant("tau_syn", tau_syn)
        propagator = _propagator(
            self.dt, tau_syn, given("tau_mem", tau_mem, check_time), given("r", r, lambda *_: None)
        )
        places = {"decay_syn": (0, 0), "rise_syn": (1, 0), "gain_x": (2, 0), "gain_i": (2, 1)}
        for name, place in places.items():
            value = propagator[(..., *place)]
            self.set_constant(name, float(value) if value.ndim == 0 else value)

    def initial_state(self, current: Tensor) -> AlphaLIFState:
        v = super().initial_state(current).v
        return AlphaLIFState(v, *(torch.zeros_like(v) for _ in range(3)))

    def step(
        self, state: AlphaLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, AlphaLIFState]:
        self.check_state(state, current)
        x = state.x + current
        v = self.decay_mem * state.v + self.gain_i * state.i + self.gain_x * x + self.leak
        i = self.decay_syn * state.i + self.rise_syn * x
        v = self.held(v, state.rest, self.v_reset)
        z, v_next = self.fire(v, spike_function)
        return z, v, AlphaLIFState(v_next, i, self.decay_syn * x, self.rested(z, state.rest))

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: with pulses the current ripples, and charge balance does not know of a rest."""
        return Neuron.steady_rate(self, current)


def _propagator(dt: float, tau_syn: Constant, tau_mem: Constant, r: Constant) -> Tensor:
    """The exponential of the matrix of (x, i, v) over one step, [..., 3, 3], float64."""
    syn, mem, resistance = torch.broadcast_tensors(
        *(torch.as_tensor(x, dtype=torch.float64) for x in (tau_syn, tau_mem, r))
    )
    zero = torch.zeros_like(syn)
    rows = [[-1 / syn, zero, zero], [math.e / syn, -1 / syn, zero], [zero, resistance / mem, -1 / mem]]
    return torch.linalg.matrix_exp(dt * torch.stack([torch.stack(row, -1) for row in rows], -2))
