"""Resonate-and-fire neuron: a damped oscillator that prefers inputs in its own rhythm."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import check_time
from spikelearn.neurons.parts.spike_function import SpikeFunction


class ResonateAndFireState(NamedTuple):
    """v: potential, the imaginary part; x: current, the real part; both after reset, [B, ...]."""

    v: Tensor
    x: Tensor


@NEURONS.register("resonate-and-fire")
class ResonateAndFire(Neuron):
    r"""Resonate-and-fire neuron: two variables that spiral into rest and fire where the potential crosses a threshold.

    $$\dot\zeta = \Big({-\frac{1}{\tau_{mem}}} + 2\pi i\,f\Big)\,\zeta + r\sum_k I_k\,\delta(t - t_k), \qquad
      \zeta = x + i\,v, \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ and $x \leftarrow x_{reset}$. What arrives in a step is a pulse at its beginning,
    which moves x; between pulses the spiral is exact, $\zeta[t] = e^{(-1/\tau_{mem} + 2\pi i f)\,dt}\,(\zeta[t-1] +
    r\,I[t])$. Two pulses one period apart add up, half a period apart they cancel. It starts at 0. It has no rate map.

    Args:
        tau_mem: time constant of the damping, seconds.
        frequency: f, Hz; half of 1/dt at most, above which steps do not follow it.
        r: by which a unit of current moves x.
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        v_reset, x_reset: potential and current behind a spike, same unit.
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time, ``frequency`` or ``r`` not positive, a frequency above half of 1/dt; v_reset above the
            threshold; state and current differ in shape.

    Source: Izhikevich, Neural Networks 14, 2001 (equation 1, section 4.1: threshold and v_reset are both 1 and x_reset
    0). deviation: damping and frequency suit a network that takes steps of 1 ms, and are not those of its figures.
    """

    tau_mem: Constant
    frequency: Constant
    r: Constant
    cosine: Constant
    sine: Constant
    v_reset: Constant
    x_reset: Constant

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        frequency: Constant = 50.0,
        *,
        r: Constant = 1.0,
        v_threshold: Constant = 1.0,
        v_reset: Constant = 1.0,
        x_reset: Constant = 0.0,
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        check_positive("dt", dt, "s")
        check_flag("inclusive", inclusive)
        self.dt, self.inclusive = dt, inclusive
        tau, f = given("tau_mem", tau_mem, check_time), given("frequency", frequency, check_positive)
        if bool(torch.as_tensor(f > 0.5 / dt).any()):
            raise ValueError(f"frequency is {frequency} Hz with dt {dt} s, expected {0.5 / dt:g} Hz at most: lower dt")
        decay, turn = torch.exp(torch.as_tensor(-dt / tau).double()), torch.as_tensor(2 * math.pi * f * dt).double()
        values = {"cosine": decay * turn.cos(), "sine": decay * turn.sin()}
        for name, value in values.items():
            self.set_constant(name, float(value) if value.ndim == 0 else value)
        self.set_constant("tau_mem", tau)
        self.set_constant("frequency", f)
        self.set_constant("r", given("r", r, check_positive))
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_finite))
        self.set_constant("v_reset", given("v_reset", v_reset, check_finite))
        self.set_constant("x_reset", given("x_reset", x_reset, check_finite))
        if bool(torch.as_tensor(self.v_reset > self.v_threshold).any()):
            raise ValueError(f"v_reset is {v_reset} and v_threshold {v_threshold}, expected v_reset no higher")

    def initial_state(self, current: Tensor) -> ResonateAndFireState:
        if self.per_neuron:
            self.check_constants(current)
        v = torch.zeros_like(current, requires_grad=False)
        return ResonateAndFireState(v, torch.zeros_like(v))

    def step(
        self, state: ResonateAndFireState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, ResonateAndFireState]:
        self.check_state(state, current)
        pushed = state.x + self.r * current
        x, v = self.cosine * pushed - self.sine * state.v, self.sine * pushed + self.cosine * state.v
        z = spike_function(v - self.v_threshold, self.inclusive)
        z_reset = z if spike_function.reset_gradient else z.detach()
        v_next = v * (1.0 - z_reset) + z_reset * self.v_reset
        return z, v, ResonateAndFireState(v_next, x * (1.0 - z_reset) + z_reset * self.x_reset)
