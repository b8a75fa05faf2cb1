"""One membrane, its options and its reset: what the models that integrate a current share.

Every constant but dt is a number, or one number a neuron: an array that broadcasts to the neurons' [n] or [C, H, W].
"""

import math
from typing import Any, ClassVar, Literal, Self, TypedDict, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_finite, check_flag, check_fraction, check_positive
from spikelearn.fast_path import is_plain
from spikelearn.neurons.base import MembraneState, Neuron
from spikelearn.neurons.parts.constants import Constant, add_times, given, is_number
from spikelearn.neurons.parts.spike_function import SpikeFunction

Reset = Literal["to_value", "subtract"]
Discretisation = Literal["exact", "euler"]


class FiringOptions(TypedDict, total=False):
    """Options of ``MembraneNeuron``; types and defaults stand in its constructor."""

    v_threshold: Constant
    v_reset: Constant
    r: Constant
    reset: Reset
    dt: float
    inclusive: bool


class LeakyOptions(FiringOptions, total=False):
    """Options of ``LeakyNeuron`` behind its time constant."""

    v_leak: Constant
    discretisation: Discretisation


class StepOptions(TypedDict, total=False):
    """Options of a leaky neuron in its form per step, where the decay says the rest."""

    v_threshold: Constant
    v_reset: Constant
    v_leak: Constant
    reset: Reset
    dt: float
    inclusive: bool


class Membrane(Neuron):
    r"""One membrane, $v[t] = \lambda\,v[t-1] + g\,I[t] + c$, that starts at v_leak.

    $\lambda$ is ``decay_mem``, g ``gain_mem``, c ``leak``.
    """

    decay_mem: Constant
    gain_mem: Constant
    leak: Constant
    v_leak: Constant
    r: Constant
    tau_mem: Constant
    discretisation: Discretisation

    def _set_gain(self, r: Constant, dt: float) -> None:
        """A membrane without leak, at 0."""
        check_positive("dt", dt, "s")
        self.dt = dt
        self.set_constant("r", given("r", r, check_positive))
        self.set_constant("gain_mem", self.r)
        self.v_leak, self.decay_mem, self.leak = 0.0, 1.0, 0.0

    def _set_leak(self, tau_mem: Constant, v_leak: Constant, discretisation: Discretisation) -> None:
        """The leak that goes with a time constant, after ``_set_gain``."""
        decay = self._set_decay_of("mem", tau_mem, discretisation)
        self.set_constant("v_leak", given("v_leak", v_leak, check_finite))
        self.set_constant("gain_mem", (1.0 - decay) * self.r)
        self._set_resting_drive(decay)

    def _set_decay_of(self, name: str, tau: Constant, discretisation: Discretisation) -> Constant:
        """Set ``tau_<name>`` and ``decay_<name>``, and return the decay in full precision."""
        self.discretisation = discretisation
        tau = given(f"tau_{name}", tau, check_time)
        decay = decay_per_step(tau, self.dt, discretisation, f"tau_{name}")
        self.set_constant(f"tau_{name}", tau)
        self.set_constant(f"decay_{name}", decay)
        return decay

    def _set_unit_gain(self, decay: Constant) -> None:
        """Unit gain, and a leak by the decay as it was given, not as it comes back from a time constant."""
        self.set_constant("decay_mem", decay)
        self.set_constant("gain_mem", 1.0)
        self._set_resting_drive(decay)

    def _set_resting_drive(self, decay: Constant) -> None:
        self.set_constant("leak", 0.0 if is_number(self.v_leak, 0.0) else (1.0 - decay) * self.v_leak)

    def initial_state(self, current: Tensor) -> Any:
        if self.per_neuron:
            self.check_constants(current)
        if isinstance(self.v_leak, Tensor):
            return MembraneState(torch.empty_like(current, requires_grad=False).copy_(self.v_leak))
        return MembraneState(v=torch.full_like(current, self.v_leak, requires_grad=False))

    def integrate(self, v: Tensor, current: Tensor) -> Tensor:
        """The potential before reset; the order of operations is the one that fused kernels repeat."""
        drive = self.membrane_drive(current)
        return torch.mul(v, self.decay_mem).add_(drive) if _is_simulated(v, drive) else self.decay_mem * v + drive

    def membrane_drive(self, current: Tensor) -> Tensor:
        """g I + c, with the factors that do nothing left out."""
        # Written out, for this runs at every step: a call would cost as much as a small tensor's operation.
        gain, leak = self.gain_mem, self.leak
        scaled = current if gain.__class__ is float and gain == 1.0 else gain * current
        return scaled if leak.__class__ is float and leak == 0.0 else scaled + leak


class MembraneNeuron(Membrane):
    r"""A membrane that fires at a threshold and is reset, without a leak of its own.

    $$z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ where z = 1 ("to_value") or $v \leftarrow v - z\,v_{threshold}$ ("subtract").

    Args:
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        v_reset: same unit as ``v_threshold``; not used by "subtract".
        r: input resistance, ``v_threshold`` per unit of current.
        reset: "to_value" (exportable to NIR) or "subtract".
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Raises:
        ValueError: ``r`` or ``dt`` not positive; threshold not above rest; state and current differ in shape.
    """

    #: Whether the constructor of a subclass sets a leak, and checks the threshold against its rest.
    leaks: ClassVar[bool] = False

    v_reset: Constant
    reset: Reset

    def __init__(
        self,
        v_threshold: Constant = 1.0,
        *,
        v_reset: Constant = 0.0,
        r: Constant = 1.0,
        reset: Reset = "to_value",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_finite))
        self.set_constant("v_reset", given("v_reset", v_reset, check_finite))
        check_choice("reset", reset, ("to_value", "subtract"))
        check_flag("inclusive", inclusive)
        self._set_gain(r, dt)
        self.reset, self.inclusive = reset, inclusive
        if not self.leaks:
            self._check_rest()

    def _check_rest(self) -> None:
        for floor in (self.v_leak, self.v_reset) if self.reset == "to_value" else (self.v_leak,):
            if bool(torch.as_tensor(self.v_threshold <= floor).any()):
                raise ValueError(
                    f"v_threshold is {self.v_threshold}, expected a value above v_leak = {self.v_leak} and v_reset = "
                    f"{self.v_reset}: a neuron at rest or just reset must not fire"
                )

    def step(self, state: Any, current: Any, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, Any]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        z, v_next = self.fire(v, spike_function)
        return z, v, MembraneState(v_next)

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
            return z, add_times(v, z, -self.v_threshold)
        kept, v_reset = torch.addcmul(v, v, z, value=-1.0), self.v_reset
        return z, kept if v_reset.__class__ is float and v_reset == 0.0 else add_times(kept, z, v_reset, out=kept)

    def steady_rate(self, current: Tensor) -> Tensor:
        r"""Rate map of a subtractive reset, $\mathrm{clamp}((g I + c)/\vartheta, 0, 1)$ spikes per step.

        By charge balance this is the mean rate of a neuron without leak, and the $\lambda$-weighted mean rate of
        one with leak, up to what is left on the membrane.
        """
        if self.reset != "subtract":
            return super().steady_rate(current)
        return (self.membrane_drive(current) / self.v_threshold).clamp(0.0, 1.0)


class LeakyNeuron(MembraneNeuron):
    r"""A membrane that leaks, fires and is reset; with no more than this it is a LIF.

    Its decay per step is $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau_{mem}$ ("euler"), its input gain
    $(1-\lambda)\,r$; ``per_step`` takes the decay itself, with an input gain of 1.

    Args:
        tau_mem: membrane time constant, seconds.
        v_leak: resting potential, same unit as ``v_threshold``.
        discretisation: "exact" or "euler".

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; threshold not above rest; state and
            current differ in shape.
    """

    leaks = True

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        *,
        v_leak: Constant = 0.0,
        discretisation: Discretisation = "exact",
        **options: Unpack[FiringOptions],
    ) -> None:
        super().__init__(**options)
        self._set_leak(tau_mem, v_leak, discretisation)
        self._check_rest()

    @classmethod
    def per_step(cls, decay: Constant = 0.9, **options: Unpack[StepOptions]) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: factor per step, in [0, 1); ``tau_mem`` follows as dt / (1 - decay), ``r`` as 1 / (1 - decay).
            options: as in the constructor; with v_leak, (1 - decay) v_leak is added at each step.
        """
        decay = given("decay", decay, check_decay)
        return cls._of_decays({"mem": decay}, 1.0 / (1.0 - decay), options)

    @classmethod
    def _of_decays(cls, decays: dict[str, Constant], r: Constant, options: StepOptions, **own: Constant) -> Self:
        """A neuron with these ``decay_<name>`` per step and an input gain of 1; ``own`` are options of the model."""
        dt = options.get("dt", 1e-3)
        check_positive("dt", dt, "s")
        times = {f"tau_{name}": dt / (1.0 - decay) for name, decay in decays.items()}
        made: Any = cls
        neuron: Self = made(**times, r=r, discretisation="euler", **options, **own)
        for name, decay in decays.items():
            neuron.set_constant(f"decay_{name}", decay)
        neuron._set_unit_gain(decays["mem"])
        return neuron


def _is_simulated(*tensors: Tensor) -> bool:
    """Tell whether nobody differentiates with respect to these, so that values may be made in place."""
    return all(is_plain(tensor) and not (tensor.requires_grad and torch.is_grad_enabled()) for tensor in tensors)


def decay_per_step(tau: Constant, dt: float, discretisation: Discretisation, name: str) -> Constant:
    r"""$e^{-dt/\tau}$ ("exact") or $1 - dt/\tau$ ("euler"); ``name`` is the time constant's in messages."""
    check_choice("discretisation", discretisation, ("exact", "euler"))
    if discretisation == "exact":
        return torch.exp(-dt / tau) if isinstance(tau, Tensor) else math.exp(-dt / tau)
    least = float(tau.min()) if isinstance(tau, Tensor) else tau
    if least < dt:
        raise ValueError(
            f"{name} is {least} s with dt {dt} s, expected {name} >= dt for the Euler step: "
            'lower dt, or use discretisation="exact"'
        )
    return 1.0 - dt / tau


def check_decay(name: str, decay: float) -> None:
    """Raise ValueError unless a decay per step lies in [0, 1)."""
    check_fraction(name, decay, below_one=True)


def check_time(name: str, tau: float) -> None:
    """Raise ValueError unless a time constant is positive."""
    check_positive(name, tau, "s")
