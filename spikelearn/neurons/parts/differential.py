"""Base of the models whose state follows differential equations without a closed form, and jumps at a spike."""

from abc import abstractmethod
from itertools import pairwise
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_finite, check_flag, check_positive
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.refractory_time import RefractoryTime
from spikelearn.neurons.parts.spike_function import SpikeFunction

Scheme = Literal["euler", "sequential", "rk4"]


class IntegrationOptions(TypedDict, total=False):
    """Options of ``DifferentialNeuron`` but for its peak and reset; types and defaults stand in its constructor."""

    r: Constant
    refractory_time: Constant
    discretisation: Scheme
    substeps: int
    exact_rise: bool
    dt: float
    inclusive: bool


class DifferentialOptions(IntegrationOptions, total=False):
    """All options of ``DifferentialNeuron``."""

    v_threshold: Constant
    v_reset: Constant


class DifferentialNeuron(RefractoryTime):
    r"""A neuron whose variables x = (v, ...) follow $\dot x = f(x, r\,I)$ up to a peak of v, and are then reset.

    In a step of dt the current stays. "euler" is $x \leftarrow x + h f(x)$, "sequential" the same for one variable
    after the other, each with those before it as they are now (what published programs often do), "rk4" the classical
    method of Runge and Kutta; h is dt / ``substeps``. Then $z = \Theta(v \geq v_{threshold})$ and $v \leftarrow
    v_{reset}$. The equations see no v beyond ``v_threshold``, so that what explodes there stays finite. The spike
    function sees $(v - v_{threshold})/(v_{threshold} - v_{reset})$, so that its width means the same in volts and
    without a unit. Derivatives run through z into the other variables; through the reset as the spike function says.

    Where v runs away, above ``v_runaway``, the slopes' derivative in v would multiply errors at every
    step, without a bound; there it is left out, and an error passes from step to step as it is. With
    ``exact_rise`` it is the equations' own.

    A subclass gives ``v_runaway``, ``slopes``, ``initial_state`` and, where a spike changes other variables,
    ``after_spike``. Its state is a NamedTuple of the variables, v first, with ``rest`` at its end where it has a
    refractory time.

    Args:
        v_threshold: potential at which a spike is over and counted, unit of v.
        v_reset: potential behind a spike, unit of v.
        r: factor of the current, unit of the equation's drive per unit of current.
        refractory_time: for which v is held at v_reset, seconds, rounded to whole steps.
        discretisation: "euler", "sequential" or "rk4".
        substeps: equal parts of a step.
        exact_rise: whether derivatives go through the run-away too.
        dt: time step, seconds.
        inclusive: fire at v == v_threshold, as papers of these models have it.

    Raises:
        ValueError: ``r`` or ``dt`` not positive, a negative refractory time, no substep, a threshold not above the
            reset; state and current differ in shape.
    """

    v_reset: Constant
    r: Constant
    scale: Constant

    def __init__(
        self,
        v_threshold: Constant,
        v_reset: Constant,
        *,
        r: Constant = 20.0,
        refractory_time: Constant = 0.0,
        discretisation: Scheme = "euler",
        substeps: int = 1,
        exact_rise: bool = False,
        dt: float = 1e-3,
        inclusive: bool = True,
    ) -> None:
        super().__init__()
        check_positive("dt", dt, "s")
        check_count("substeps", substeps)
        check_choice("discretisation", discretisation, ("euler", "sequential", "rk4"))
        check_flag("inclusive", inclusive)
        check_flag("exact_rise", exact_rise)
        self.exact_rise = exact_rise
        self.dt, self.substeps, self.discretisation, self.inclusive = dt, substeps, discretisation, inclusive
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_finite))
        self.set_constant("v_reset", given("v_reset", v_reset, check_finite))
        self.set_constant("r", given("r", r, check_positive))
        self._check_rising("a neuron that was just reset must not fire", "v_reset", "v_threshold")
        self.set_constant("scale", self.v_threshold - self.v_reset)
        self._set_refractory_time(refractory_time)

    def _check_rising(self, why: str, *names: str) -> None:
        """Raise ValueError where the constants of these names do not rise from one to the next; ``why`` they must."""
        values = [getattr(self, name) for name in names]
        for low, high in pairwise(values):
            if not bool(torch.as_tensor(low < high).all()):
                given = ", ".join(f"{name} is {value}" for name, value in zip(names, values, strict=True))
                raise ValueError(f"{given}, expected them in rising order: {why}")

    def started(self, current: Tensor, v: Constant) -> Tensor:
        """The potential v of every neuron under a current [B, ...], shaped like it."""
        if self.per_neuron:
            self.check_constants(current)
        return torch.zeros_like(current, requires_grad=False) + v

    @property
    @abstractmethod
    def v_runaway(self) -> Constant:
        """Potential above which v's slope grows with v, unit of v."""

    @abstractmethod
    def slopes(self, drive: Tensor, *variables: Tensor) -> tuple[Tensor, ...]:
        """Derivatives of the variables in time, per second, under r I; all [B, ...]."""

    def after_spike(self, z: Tensor, others: list[Tensor]) -> list[Tensor]:
        """The variables but v behind spikes z."""
        return others

    def step(self, state: Any, current: Any, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, Any]:
        self.check_state(state, current)
        fields = state._asdict()
        rest = fields.pop("rest", None)
        v, *others = self._integrated(self.r * current, list(fields.values()), rest)
        z = spike_function((v - self.v_threshold) / self.scale, self.inclusive)
        z_reset = z if spike_function.reset_gradient else z.detach()
        after = [v * (1.0 - z_reset) + z_reset * self.v_reset, *self.after_spike(z, others)]
        return z, v, type(state)(*after, *([] if rest is None else [self.rested(z, rest)]))

    def _integrated(self, drive: Tensor, variables: list[Tensor], rest: Tensor | None) -> list[Tensor]:
        free = (rest == 0.0).to(drive) if rest is not None and self.rests else None
        for _ in range(self.substeps):
            variables = self._advanced(drive, variables, free)
        return variables

    def _advanced(self, drive: Tensor, variables: list[Tensor], free: Tensor | None) -> list[Tensor]:
        h = self.dt / self.substeps
        if self.discretisation == "sequential":
            variables = list(variables)
            for place in range(len(variables)):
                variables[place] = variables[place] + h * self._slopes(drive, variables, free)[place]
            return variables
        first = self._slopes(drive, variables, free)
        if self.discretisation == "euler":
            return _moved(variables, h, first)
        second = self._slopes(drive, _moved(variables, h / 2, first), free)
        third = self._slopes(drive, _moved(variables, h / 2, second), free)
        fourth = self._slopes(drive, _moved(variables, h, third), free)
        four = zip(first, second, third, fourth, strict=True)
        return _moved(variables, h / 6, [a + 2.0 * (b + c) + d for a, b, c, d in four])

    def _slopes(self, drive: Tensor, variables: list[Tensor], free: Tensor | None) -> list[Tensor]:
        v, *others = variables
        v = torch.clamp(v, max=self.v_threshold)
        if not self.exact_rise:
            v = torch.where(v > self.v_runaway, v.detach(), v)
        of_v, *of_others = self.slopes(drive, v, *others)
        return [of_v if free is None else free * of_v, *of_others]


def _moved(variables: list[Tensor], h: float, slopes: list[Tensor]) -> list[Tensor]:
    return [x + h * slope for x, slope in zip(variables, slopes, strict=True)]
