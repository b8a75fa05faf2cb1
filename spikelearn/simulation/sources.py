"""What a simulated network is given: generated without end, or tensors of one's own."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_not_negative, check_positive, check_tensor
from spikelearn.registry import Registry
from spikelearn.seeding import generator_for

#: Steps whose random numbers are drawn together, from a generator of their own.
TOGETHER = 100


class Place(NamedTuple):
    """Where inputs go.

    Args:
        shape: of one sample at one step.
        samples: how many are simulated side by side, B.
        dt: time step, seconds.
        seed: from which what is random follows.
    """

    shape: tuple[int, ...]
    samples: int
    dt: float
    seed: int


class Source(ABC):
    """Inputs as a function of the step alone, so that a simulation that goes on has the ones that it would have had."""

    @abstractmethod
    def at(self, first: int, count: int, place: Place) -> Tensor:
        """The inputs of ``count`` steps from ``first`` on, [count, B, ...]: floating point, or spikes as bytes."""

    def check(self, place: Place) -> None:
        """Raise ValueError where such inputs cannot be given there."""
        return

    def stamp(self) -> str:
        """What a simulation that goes on has to find as it was, such as a checksum of a file; by default nothing."""
        return ""


SOURCES = Registry("input", Source)


@SOURCES.register("silence")
class Silence(Source):
    """No spike, and no current.

    Shapes: steps [T, B, ...], zeros.

    Source: standard.
    """

    def at(self, first: int, count: int, place: Place) -> Tensor:
        return torch.zeros(count, place.samples, *place.shape, dtype=torch.uint8)


@SOURCES.register("poisson")
class Poisson(Source):
    r"""Independent Poisson trains of one rate, at most one spike a step.

    In a step of the length dt there is a spike with the probability $1 - e^{-r\,dt}$.

    Args:
        rate: r, spikes per second; or a tensor [...] in the shape of one sample.

    Shapes: steps [T, B, ...], spikes as bytes.

    Raises:
        ValueError: a negative rate.

    Source: Heeger, "Poisson model of spike generation", 2000.
    """

    def __init__(self, rate: float | Tensor = 20.0) -> None:
        if isinstance(rate, Tensor):
            check_not_negative("the lowest rate", float(rate.min()))
        else:
            check_not_negative("rate", rate)
        self.rate = rate

    def check(self, place: Place) -> None:
        if isinstance(self.rate, Tensor) and tuple(self.rate.shape) != place.shape:
            raise ValueError(f"rates have shape {list(self.rate.shape)}, expected {list(place.shape)}, one an input")

    def at(self, first: int, count: int, place: Place) -> Tensor:
        chance = -torch.expm1(-torch.as_tensor(self.rate, dtype=torch.float32) * place.dt)
        return (drawn(torch.rand, first, count, place) < chance).view(torch.uint8)


@SOURCES.register("poisson-counts")
class PoissonCounts(Source):
    r"""How many spikes of Poisson processes of one rate come in each step, $n \sim \mathrm{Poisson}(r\,dt)$.

    It stands for many trains that meet equal weights: their rates add up.

    Args:
        rate: r, spikes per second.

    Shapes: steps [T, B, ...], numbers of spikes.

    Raises:
        ValueError: a negative rate.

    Source: Heeger, "Poisson model of spike generation", 2000.
    """

    def __init__(self, rate: float = 1000.0) -> None:
        check_not_negative("rate", rate)
        self.rate = rate

    def at(self, first: int, count: int, place: Place) -> Tensor:
        def draw(*shape: int, generator: torch.Generator) -> Tensor:
            return torch.poisson(torch.full(shape, self.rate * place.dt), generator=generator)

        return drawn(draw, first, count, place)


@SOURCES.register("regular")
class Regular(Source):
    """Spikes at equal distances, those of the inputs spread evenly over one of them.

    Args:
        rate: spikes per second; at most one a step.

    Shapes: steps [T, B, ...], spikes as bytes.

    Raises:
        ValueError: a rate that is not positive.

    Source: standard.
    """

    def __init__(self, rate: float = 20.0) -> None:
        check_positive("rate", rate, "Hz")
        self.rate = rate

    def at(self, first: int, count: int, place: Place) -> Tensor:
        size = torch.Size(place.shape).numel()
        phase = torch.arange(size, dtype=torch.float64) / size
        times = torch.arange(first, first + count + 1, dtype=torch.float64).unsqueeze(1) * place.dt
        periods = self.rate * times + phase
        spikes = (periods[1:].floor() > periods[:-1].floor()).to(torch.uint8)
        return spikes.view(count, 1, *place.shape).expand(count, place.samples, *place.shape)


@SOURCES.register("current")
class Current(Source):
    r"""A current with independent Gaussian noise at every step, $I[t] \sim N(\mathrm{mean}, \mathrm{std}^2)$.

    Args:
        mean, std: unit of current.

    Shapes: steps [T, B, ...], currents.

    Raises:
        ValueError: a mean that is not finite, a negative standard deviation.

    Source: standard.
    """

    def __init__(self, mean: float = 1.0, std: float = 0.0) -> None:
        check_finite("mean", mean)
        check_not_negative("std", std)
        self.mean, self.std = mean, std

    def at(self, first: int, count: int, place: Place) -> Tensor:
        if not self.std:
            return torch.full((count, place.samples, *place.shape), self.mean)
        return drawn(torch.randn, first, count, place).mul_(self.std).add_(self.mean)


class Given(Source):
    """Inputs of one's own, [T, B, ...], once or over and over; behind them there is silence.

    Args:
        inputs: floating point, or spikes as bytes.
        repeat: whether they begin anew where they end.
    """

    def __init__(self, inputs: Tensor, *, repeat: bool = False) -> None:
        check_tensor("inputs", inputs, "make one with torch.as_tensor(inputs)")
        if inputs.ndim < 2 or not len(inputs):
            raise ValueError(f"inputs have shape {list(inputs.shape)}, expected [T, B, ...] with at least one step")
        self.inputs, self.repeat = inputs, repeat

    def check(self, place: Place) -> None:
        expected = (place.samples, *place.shape)
        if tuple(self.inputs.shape[1:]) != expected:
            raise ValueError(f"inputs have shape {list(self.inputs.shape)}, expected [T, {str(list(expected))[1:]}")

    def at(self, first: int, count: int, place: Place) -> Tensor:
        step = torch.arange(first, first + count)
        if self.repeat:
            return self.inputs[step % len(self.inputs)]
        there = self.inputs[first : first + count]
        rest = there.new_zeros(count - len(there), *self.inputs.shape[1:])
        return torch.cat([there, rest]) if len(rest) else there


def drawn(draw: Callable[..., Tensor], first: int, count: int, place: Place) -> Tensor:
    """Random numbers [count, B, ...] of steps from ``first`` on, the same however the steps are asked for."""
    parts = []
    for block in range(first // TOGETHER, (first + count - 1) // TOGETHER + 1):
        generator = generator_for(place.seed, "simulated input", block)
        parts.append(draw(TOGETHER, place.samples, *place.shape, generator=generator))
    start = first % TOGETHER
    return torch.cat(parts)[start : start + count]
