"""Adaptive exponential integrate-and-fire neuron."""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.differential import DifferentialOptions
from spikelearn.neurons.parts.exponential import ExponentialNeuron
from spikelearn.neurons.parts.membrane import check_time


class AdExState(NamedTuple):
    """v: membrane potential after reset; w: adaptation; rest: steps for which v is still held; all [B, ...]."""

    v: Tensor
    w: Tensor
    rest: Tensor


class AdExOptions(DifferentialOptions, total=False):
    """Further options of ``ExponentialNeuron``; types and defaults stand in its constructor."""

    v_rheobase: Constant
    v_leak: Constant


@NEURONS.register("adex")
class AdEx(ExponentialNeuron):
    r"""Adaptive exponential integrate-and-fire neuron: an exponential rise, and a current that pulls against it.

    $$\tau_{mem}\,\dot v = -(v - v_{leak}) + \Delta\,e^{(v - v_{rheobase})/\Delta} - w + r\,I, \qquad
      \tau_{adaptation}\,\dot w = a\,(v - v_{leak}) - w$$

    up to $v \geq v_{threshold}$, then $v \leftarrow v_{reset}$, where it stays for ``refractory_time``, and
    $w \leftarrow w + b$. It starts at v_leak with w = 0. w is in the unit of v: the paper's current over the leak
    conductance, and so a is the paper's in units of that conductance. The defaults are the paper's regular spiking cell
    (281 pF, 30 nS, -70.6 mV, -50.4 mV, 2 mV, 144 ms, 4 nS, 0.0805 nA) in units of v_rheobase less v_leak, with the peak
    at v_rheobase + 5 sharpness. A unit of current raises v by about 2 in a step. It has no rate map.

    Args:
        tau_mem, tau_adaptation: time constants of membrane and adaptation, seconds.
        a: pull of the potential on the adaptation, dimensionless.
        b: rise of the adaptation per spike, unit of v.
        options: sharpness, v_rheobase and v_leak, as ``ExponentialNeuron`` says, and those of ``DifferentialNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; as ``ExponentialNeuron`` and ``DifferentialNeuron``.

    Source: Brette & Gerstner, Journal of Neurophysiology 94, 2005; NEST's ``aeif_psc_delta`` has the same equations.
    """

    tau_adaptation: Constant
    a: Constant
    b: Constant

    def __init__(
        self,
        tau_mem: Constant = 281e-3 / 30,
        tau_adaptation: Constant = 144e-3,
        *,
        a: Constant = 4 / 30,
        b: Constant = 0.0805 / (30e-3 * 20.2),
        sharpness: Constant = 2 / 20.2,
        **options: Unpack[AdExOptions],
    ) -> None:
        super().__init__(tau_mem, sharpness=sharpness, **options)
        time = given("tau_adaptation", tau_adaptation, check_time)
        self.set_constant("tau_adaptation", time)
        self.set_constant("a", given("a", a, check_finite))
        self.set_constant("b", given("b", b, check_finite))

    def initial_state(self, current: Tensor) -> AdExState:
        v = self.started(current, self.v_leak)
        return AdExState(v, torch.zeros_like(v), torch.zeros_like(v))

    def slopes(self, drive: Tensor, *variables: Tensor) -> tuple[Tensor, ...]:
        v, w = variables
        return self.membrane_slope(drive - w, v), (self.a * (v - self.v_leak) - w) / self.tau_adaptation

    def after_spike(self, z: Tensor, others: list[Tensor]) -> list[Tensor]:
        (w,) = others
        return [w + self.b * z]
