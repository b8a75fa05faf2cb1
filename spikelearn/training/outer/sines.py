"""Sequences of regression tasks: slices of mixtures of sines, one learned after the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.plasticity import Batch
from spikelearn.seeding import generator_for
from spikelearn.tasks import TASKS
from spikelearn.training.outer.streams import Moment


@dataclass(frozen=True)
class Mixture:
    """A function on an interval, sampled evenly.

    Args:
        x: where, [points, 1].
        y: its values, [points, 1].
        tasks: as how many slices of neighbouring points it is learned.
    """

    x: Tensor
    y: Tensor
    tasks: int

    def slices(self) -> list[Batch]:
        """All points of every task."""
        pairs = zip(self.x.tensor_split(self.tasks), self.y.tensor_split(self.tasks), strict=True)
        return [_batch(x, y) for x, y in pairs]

    def drawn(self, generator: torch.Generator, count: int, task: int | None = None) -> Batch:
        """``count`` points, with replacement, of one task or of all."""
        x, y = (whole if task is None else whole.tensor_split(self.tasks)[task] for whole in (self.x, self.y))
        chosen = torch.randint(len(x), (count,), generator=generator)
        return _batch(x[chosen], y[chosen])


class SineMixtures:
    r"""Mixtures of K sines, $f(x) = \frac1K \sum_k a_k \sin(w_k x + p_k)$ on -5 to 5, as functions of (seed, number).

    $a \sim U(1/2, 3/2)$, $w \sim U(1/2, 5/2)$ per unit of x, $p \sim U(0, 2\pi)$.

    Args:
        tasks: slices of a function that are learned one after the other.
        samples: steps on each.
        seen: points of one step, of the present slice.
        asked: points of a step of the outer loop, of the whole function.
        hyper_steps: of the outer loop behind each step.
        points: of a function.
        sines: K.
        seed: of functions and points.

    Raises:
        ValueError: a number below 1; fewer points than tasks.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020: slices, points, counts; deviation: the distribution of
    mixtures, which is chosen here.
    """

    def __init__(
        self,
        *,
        tasks: int = 5,
        samples: int = 10,
        seen: int = 5,
        asked: int = 20,
        hyper_steps: int = 50,
        points: int = 40,
        sines: int = 3,
        seed: int = 0,
    ) -> None:
        counts = {"tasks": tasks, "samples": samples, "seen": seen, "asked": asked, "sines": sines}
        for name, value in {**counts, "hyper_steps": hyper_steps}.items():
            check_count(name, value)
        check_count("points", points, tasks)
        self.tasks, self.samples, self.seen, self.asked, self.seed = tasks, samples, seen, asked, seed
        self.hyper_steps, self.points, self.sines = hyper_steps, points, sines

    def mixture(self, number: int) -> Mixture:
        """The function of that number."""
        generator = generator_for(self.seed, "mixture", number)
        height, rate, phase = torch.rand(3, self.sines, generator=generator, dtype=torch.float64)
        x = torch.linspace(-5.0, 5.0, self.points, dtype=torch.float64).unsqueeze(1)
        y = ((0.5 + height) * (x * (0.5 + 2.0 * rate) + 2.0 * math.pi * phase).sin()).mean(1, keepdim=True)
        kind = torch.get_default_dtype()
        return Mixture(x.to(kind), y.to(kind), self.tasks)

    def moments(self, number: int, population: int = 1, *, ask: bool = True) -> Iterator[list[Moment]]:
        """The moments of stream ``number``; every network of the population learns a function of its own."""
        mixtures = [self.mixture(number * population + member) for member in range(population)]
        generator, asking = (generator_for(self.seed, name, number) for name in ("points", "asked"))
        for task in range(self.tasks):
            for _ in range(self.samples):
                yield [
                    Moment(
                        mixture.drawn(generator, self.seen, task),
                        [mixture.drawn(asking, self.asked) for _ in range(self.hyper_steps * ask)],
                    )
                    for mixture in mixtures
                ]

    def tests(self, number: int) -> list[Batch]:
        """All points of every slice of function ``number``."""
        return self.mixture(number).slices()


def _batch(x: Tensor, y: Tensor) -> Batch:
    return Batch(x.unsqueeze(0), y, task=TASKS.make("regress"))
