"""Absolute refractory time: after a spike the membrane is held at its reset potential."""

import torch
from torch import Tensor

from spikelearn.checks import check_not_negative
from spikelearn.neurons.base import Neuron
from spikelearn.neurons.parts.constants import Constant, given, is_number


class RefractoryTime(Neuron):
    """A model with a refractory time, which counts whole steps in the field ``rest`` of its state.

    A spike of step t is followed by ``refractory_time`` / dt steps, rounded, in which the membrane is held.
    """

    refractory_time: Constant
    rest_steps: Constant

    def _set_refractory_time(self, refractory_time: Constant) -> None:
        """Set time and steps, after ``dt``.

        Raises:
            ValueError: a negative time.
        """
        time = given("refractory_time", refractory_time, check_not_negative)
        self.set_constant("refractory_time", time)
        steps = torch.round(time / self.dt) if isinstance(time, Tensor) else float(round(time / self.dt))
        self.set_constant("rest_steps", steps)

    @property
    def rests(self) -> bool:
        """True if any neuron has a refractory time."""
        return not is_number(self.rest_steps, 0.0)

    def held(self, v: Tensor, rest: Tensor, v_reset: Constant) -> Tensor:
        """The potential v, and v_reset where a neuron rests; all [B, ...]."""
        if not self.rests:
            return v
        free = (rest == 0.0).to(v)
        return v * free + (1.0 - free) * v_reset

    def rested(self, z: Tensor, rest: Tensor) -> Tensor:
        """Steps that are left behind this one, whose spikes are z; both [B, ...]."""
        if not self.rests:
            return rest
        left = (rest - 1.0).clamp(min=0.0)
        steps = self.rest_steps.to(rest) if isinstance(self.rest_steps, Tensor) else self.rest_steps
        return torch.where(z > 0, steps, left)
