"""Base of the models whose spike begins as an exponential rise."""

from typing import Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.differential import DifferentialNeuron, IntegrationOptions
from spikelearn.neurons.parts.membrane import check_time


class ExponentialNeuron(DifferentialNeuron):
    r"""A leaky membrane with an exponential term.

    $$\tau_{mem}\,\dot v = -(v - v_{leak}) + \Delta\,e^{(v - v_{rheobase})/\Delta} + r\,I$$

    Args:
        tau_mem: membrane time constant, seconds.
        sharpness: $\Delta$, over which the rise grows e-fold, unit of v; small: a LIF with its threshold at v_rheobase.
        v_rheobase: above which the potential runs away, unit of v.
        v_leak: resting potential without the exponential term, unit of v; where it starts.
        v_threshold: the peak, unit of v; by default v_rheobase + 5 sharpness.

    Raises:
        ValueError: a time or ``sharpness`` not positive, potentials out of order; as ``DifferentialNeuron``.
    """

    tau_mem: Constant
    sharpness: Constant
    v_rheobase: Constant
    v_leak: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        *,
        sharpness: Constant = 0.1,
        v_rheobase: Constant = 1.0,
        v_leak: Constant = 0.0,
        v_threshold: Constant | None = None,
        v_reset: Constant = 0.0,
        **options: Unpack[IntegrationOptions],
    ) -> None:
        sharp = given("sharpness", sharpness, check_positive)
        rheobase = given("v_rheobase", v_rheobase, check_finite)
        super().__init__(rheobase + 5.0 * sharp if v_threshold is None else v_threshold, v_reset, **options)
        self.set_constant("tau_mem", given("tau_mem", tau_mem, check_time))
        self.set_constant("sharpness", sharp)
        self.set_constant("v_rheobase", rheobase)
        self.set_constant("v_leak", given("v_leak", v_leak, check_finite))
        why = "a spike begins above rest, and is counted above the potential at which it begins"
        self._check_rising(why, "v_leak", "v_rheobase", "v_threshold")

    @property
    def v_runaway(self) -> Constant:
        return self.v_rheobase

    def membrane_slope(self, drive: Tensor, v: Tensor) -> Tensor:
        """The derivative of v in time, per second."""
        rise = self.sharpness * torch.exp((v - self.v_rheobase) / self.sharpness)
        return (self.v_leak - v + rise + drive) / self.tau_mem
