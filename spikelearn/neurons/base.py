"""What every neuron model offers, and the reset that firing models share."""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_finite, check_positive
from spikelearn.events import is_plain
from spikelearn.neurons.spike_function import SpikeFunction
from spikelearn.registry import Registry

NEURONS: Registry[type["Neuron"]] = Registry("neuron")

Reset = Literal["to_value", "subtract"]
Discretisation = Literal["exact", "euler"]


class Neuron(nn.Module, ABC):
    """A population of identical neurons: a pure function from (state, current) to (spikes, v, state).

    The state is a value (a named tuple of tensors), never stored here. ``v`` is the membrane potential that was
    compared with the threshold, before the reset.
    """

    #: False for a readout that only integrates: its spikes are all zero.
    fires: bool = True
    #: Also fires at v == v_threshold (papers that write >=).
    inclusive: bool = False
    v_threshold: float
    dt: float

    @abstractmethod
    def initial_state(self, current: Tensor) -> Any:
        """State at rest for a current of shape [B, ...]."""

    @abstractmethod
    def step(self, state: Any, current: Tensor, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, Any]:
        """Advance by one step of ``dt``: (spikes z, potential v before reset, next state), each [B, ...]."""

    def steady_rate(self, current: Tensor) -> Tensor:
        """Spikes per step under a constant ``current``, differentiable; not every model has one."""
        raise ValueError(
            f"{type(self).__name__} has no rate map for this setting ({self.extra_repr()}): "
            'use LIF or IF with reset="subtract"'
        )

    def check_state(self, state: Any, current: Tensor) -> None:
        """Raise ValueError where a state tensor differs in shape from the current."""
        for name, value in state._asdict().items():
            if value.shape != current.shape:
                raise ValueError(
                    f"{type(self).__name__} state {name} has shape {list(value.shape)}, expected "
                    f"{list(current.shape)}: start a new batch with state=None"
                )

    def extra_repr(self) -> str:
        return ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if not k.startswith("_") and k != "training")


class MembraneNeuron(Neuron):
    r"""Shared by the models with one leaky membrane: $v[t] = \lambda\,v[t-1] + g\,I[t] + c$.

    The subclass sets ``decay_mem`` $\lambda$, ``gain_mem`` g and ``leak`` c; here stand the update and the reset.
    """

    decay_mem: float
    gain_mem: float
    leak: float
    v_reset: float
    v_leak: float
    reset: Reset

    def _set_membrane(
        self, *, v_threshold: float, v_reset: float, v_leak: float, r: float, reset: Reset, dt: float
    ) -> None:
        check_finite("v_threshold", v_threshold)
        check_finite("v_reset", v_reset)
        check_finite("v_leak", v_leak)
        check_positive("r", r)
        check_positive("dt", dt, "s")
        check_choice("reset", reset, ("to_value", "subtract"))
        floor = max(v_leak, v_reset) if reset == "to_value" else v_leak
        if v_threshold <= floor:
            raise ValueError(
                f"v_threshold is {v_threshold}, expected a value above v_leak = {v_leak} and v_reset = {v_reset}: "
                "a neuron at rest or just reset must not fire"
            )
        self.v_threshold, self.v_reset, self.v_leak = v_threshold, v_reset, v_leak
        self.r, self.reset, self.dt = r, reset, dt

    def integrate(self, v: Tensor, current: Tensor) -> Tensor:
        """The potential before reset; the order of operations is the one that fused kernels repeat."""
        drive = self.membrane_drive(current)
        return torch.mul(v, self.decay_mem).add_(drive) if _is_simulated(v, drive) else self.decay_mem * v + drive

    def membrane_drive(self, current: Tensor) -> Tensor:
        """g I + c, with the factors that do nothing left out."""
        scaled = current if self.gain_mem == 1.0 else self.gain_mem * current
        return scaled if self.leak == 0.0 else scaled + self.leak

    def fire(self, v: Tensor, spike_function: SpikeFunction, compared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Spikes, and the potential after reset; ``compared`` meets the threshold where that is not v itself."""
        compared = v if compared is None else compared
        if type(spike_function) is SpikeFunction and spike_function.derivative is None and _is_simulated(v, compared):
            return self._fire_hard(v, compared)
        z = spike_function(compared - self.v_threshold, self.inclusive)
        z_reset = z if spike_function.reset_gradient else z.detach()
        if self.reset == "subtract":
            return z, v - z_reset * self.v_threshold
        return z, v * (1.0 - z_reset) + z_reset * self.v_reset

    def _fire_hard(self, v: Tensor, compared: Tensor) -> tuple[Tensor, Tensor]:
        """The same values where no derivative is asked for, in half the passes over memory."""
        z = torch.empty_like(v)
        (torch.ge if self.inclusive else torch.gt)(compared, self.v_threshold, out=z)
        if self.reset == "subtract":
            return z, torch.sub(v, z, alpha=self.v_threshold)
        kept = torch.addcmul(v, v, z, value=-1.0)
        return z, kept if self.v_reset == 0.0 else kept.add_(z, alpha=self.v_reset)

    def steady_rate(self, current: Tensor) -> Tensor:
        r"""Rate map of a subtractive reset, $\mathrm{clamp}((g I + c)/\vartheta, 0, 1)$ spikes per step.

        By charge balance this is the mean rate of a neuron without leak, and the $\lambda$-weighted mean rate of
        one with leak, up to what is left on the membrane.
        """
        if self.reset != "subtract":
            return super().steady_rate(current)
        return (self.membrane_drive(current) / self.v_threshold).clamp(0.0, 1.0)


def _is_simulated(*tensors: Tensor) -> bool:
    """Whether nobody differentiates with respect to these, so that values may be made in place."""
    return all(is_plain(tensor) and not (tensor.requires_grad and torch.is_grad_enabled()) for tensor in tensors)


def decay_per_step(tau: float, dt: float, discretisation: Discretisation, name: str) -> float:
    r"""$e^{-dt/\tau}$ ("exact") or $1 - dt/\tau$ ("euler"); ``name`` is the time constant's in messages."""
    check_positive(name, tau, "s")
    check_choice("discretisation", discretisation, ("exact", "euler"))
    if discretisation == "exact":
        return math.exp(-dt / tau)
    if tau < dt:
        raise ValueError(
            f"{name} is {tau} s with dt {dt} s, expected {name} >= dt for the Euler step: "
            'lower dt, or use discretisation="exact"'
        )
    return 1.0 - dt / tau
