"""Quadratic integrate-and-fire neuron."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.differential import DifferentialNeuron, IntegrationOptions
from spikelearn.neurons.parts.membrane import check_time


class QuadraticIFState(NamedTuple):
    """v: membrane potential after reset; rest: steps for which it is still held; both [B, ...]."""

    v: Tensor
    rest: Tensor


@NEURONS.register("quadratic-if")
class QuadraticIF(DifferentialNeuron):
    r"""Quadratic integrate-and-fire neuron: it rests at v_leak and runs away above v_critical.

    $$\tau_{mem}\,\dot v = k\,(v - v_{leak})(v - v_{critical}) + r\,I$$

    up to $v \geq v_{threshold}$, then $v \leftarrow v_{reset}$, where it stays for ``refractory_time``. It starts at
    v_leak. Under constant currents above $k\,(v_{critical} - v_{leak})^2/4$ it fires for ever, below it rests. By
    default potentials are in units of v_critical less v_leak, and a unit of current raises v by 2 in a step. It has no
    rate map.

    Args:
        tau_mem: membrane time constant, seconds.
        k: steepness, per unit of v.
        v_leak, v_critical: resting and critical potential, unit of v.
        v_threshold, v_reset: peak and reset, unit of v.
        options: those of ``DifferentialNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time or ``k`` not positive, v_leak, v_critical and v_threshold not in rising order; as
            ``DifferentialNeuron``.

    Source: Latham, Richmond, Nelson & Nirenberg, Journal of Neurophysiology 83, 2000; Gerstner et al., Neuronal
    Dynamics, 2014, section 5.3.
    """

    tau_mem: Constant
    k: Constant
    v_leak: Constant
    v_critical: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        *,
        k: Constant = 1.0,
        v_leak: Constant = 0.0,
        v_critical: Constant = 1.0,
        v_threshold: Constant = 3.0,
        v_reset: Constant = 0.0,
        **options: Unpack[IntegrationOptions],
    ) -> None:
        super().__init__(v_threshold, v_reset, **options)
        self.set_constant("tau_mem", given("tau_mem", tau_mem, check_time))
        self.set_constant("k", given("k", k, check_positive))
        self.set_constant("v_leak", given("v_leak", v_leak, check_finite))
        self.set_constant("v_critical", given("v_critical", v_critical, check_finite))
        why = "a neuron at rest must not fire, and one that fires must have run away"
        self._check_rising(why, "v_leak", "v_critical", "v_threshold")

    @property
    def v_runaway(self) -> Constant:
        return (self.v_leak + self.v_critical) / 2.0

    def initial_state(self, current: Tensor) -> QuadraticIFState:
        v = self.started(current, self.v_leak)
        return QuadraticIFState(v, torch.zeros_like(v))

    def slopes(self, drive: Tensor, *variables: Tensor) -> tuple[Tensor, ...]:
        (v,) = variables
        return ((self.k * (v - self.v_leak) * (v - self.v_critical) + drive) / self.tau_mem,)
