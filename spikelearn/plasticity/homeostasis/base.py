"""Base of all homeostasis: how far a neuron's rate is from its target, and what follows for its synapses."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.checks import check_not_negative, check_positive
from spikelearn.network import Record
from spikelearn.plasticity.hebbian.competition import over_places
from spikelearn.registry import Registry


class Homeostasis(ABC):
    r"""Slow changes that bring every neuron to a target rate, once a presentation, on top of those of a rule.

    They follow the running mean of the rate, $\bar r \leftarrow r + (\bar r - r)\,e^{-T\,dt/\tau}$ with r that of a
    presentation of T steps, mean over its samples; it starts at the target.

    Args:
        target_rate: $\rho$, spikes per second.
        tau: $\tau$, seconds; 0: the rate of the presentation alone.
    """

    #: The name under which the homeostasis is registered; ``HOMEOSTASES.register`` sets it.
    name: ClassVar[str] = "the homeostasis"
    #: Whether it changes anything.
    acts: ClassVar[bool] = True
    #: What it changes: "weight" or "bias".
    changes: ClassVar[str] = "weight"

    def __init__(self, target_rate: float, tau: float) -> None:
        check_positive("target_rate", target_rate, "spikes per second")
        check_not_negative("tau", tau)
        self.target_rate, self.tau = target_rate, tau

    @abstractmethod
    def change(self, parameter: Tensor, rate: Tensor, dt: float) -> Tensor:
        """What is added to weights [n, ...], or a bias [n], at running mean rates [n], spikes per second."""

    def followed(self, mean: Tensor, rate: Tensor, duration: float) -> Tensor:
        """The running mean rate [n] behind a presentation with ``rate`` [n], spikes per second, of some seconds."""
        return rate if self.tau == 0.0 else rate + (mean - rate) * math.exp(-duration / self.tau)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


HOMEOSTASES = Registry("homeostasis", Homeostasis)


class Fired:
    """The spikes of every neuron, or map of an image, over a presentation that is seen part by part."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.places: dict[str, int] = {}
        self.steps = 0

    def add(self, record: Record) -> None:
        """Count a part of the presentation, [T, B, ...]."""
        self.steps += len(record.output.spikes)
        for name, seen in record.items():
            sums = over_places(seen.spikes)
            self.sums[name] = self.sums[name] + sums if name in self.sums else sums
            self.places[name] = self.places.get(name, 0) + seen.spikes.numel() // len(sums)

    def add_counts(self, name: str, counts: Tensor, steps: int) -> None:
        """Count a whole presentation by the spikes of every sample and neuron, [B, n]."""
        self.steps += steps
        self.sums[name], self.places[name] = counts.sum(0), steps * len(counts)

    def rate(self, block: str) -> Tensor:
        """Spikes per step of every neuron of a block, [n]."""
        return self.sums[block] / self.places[block]
