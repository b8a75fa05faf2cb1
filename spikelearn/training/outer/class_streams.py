"""Streams of tasks from the classes of a data set."""

from collections.abc import Iterator

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.loading import Loader
from spikelearn.plasticity import Batch
from spikelearn.seeding import generator_for
from spikelearn.training.outer.streams import Moment


class ClassStreams:
    """The classes of a data set one after the other, in an order drawn anew for every stream.

    Args:
        loader: the samples, with their encoder and task.
        classes: of a stream, drawn from all; None: all.
        samples: steps on each class.
        seen: samples of one step, of the present class.
        asked: samples of a step of the outer loop, of all classes of the stream.
        hyper_steps: of the outer loop behind each step.
        tested: first samples of each class, which no stream shows: on them it is tested.
        seed: of classes, order and samples.

    Raises:
        ValueError: a number below 1; data without classes, fewer than a stream takes, or too few samples of one.
    """

    def __init__(
        self,
        loader: Loader,
        *,
        classes: int | None = None,
        samples: int = 10,
        seen: int = 5,
        asked: int = 20,
        hyper_steps: int = 5,
        tested: int = 20,
        seed: int = 0,
    ) -> None:
        counts = {"samples": samples, "seen": seen, "asked": asked, "hyper_steps": hyper_steps, "tested": tested}
        for name, value in counts.items():
            check_count(name, value)
        self.loader, self.samples, self.seen, self.asked, self.seed = loader, samples, seen, asked, seed
        self.hyper_steps, self.tested = hyper_steps, tested
        known = range(loader.dataset.classes)
        self.members = [loader.of_classes([label]).indices for label in known]
        least = min(map(len, self.members))
        if least <= tested:
            raise ValueError(
                f"a class has {least} samples, expected more than the {tested} that it is tested on: lower tested"
            )
        self.classes = len(known) if classes is None else classes
        check_count("classes", self.classes, 2)
        if self.classes > len(known):
            raise ValueError(
                f"a stream takes {self.classes} classes, but there are {len(known)}: choose at most as many"
            )

    def moments(self, number: int, population: int = 1, *, ask: bool = True) -> Iterator[list[Moment]]:
        """The moments of stream ``number``; every network of the population has an order of its own."""
        orders = [self._order(number * population + member) for member in range(population)]
        generator = generator_for(self.seed, "samples", number)
        asking = generator_for(self.seed, "asked", number)
        for place in range(self.classes):
            for _ in range(self.samples):
                yield [
                    Moment(
                        self._drawn(self.members[order[place]][self.tested :], self.seen, generator),
                        [self._of_all(order, asking) for _ in range(self.hyper_steps * ask)],
                    )
                    for order in orders
                ]

    def tests(self, number: int) -> list[Batch]:
        """The samples of every class of a stream, in its order, that are never seen."""
        return [self._batch(self.members[label][: self.tested]) for label in self._order(number)]

    def _order(self, number: int) -> list[int]:
        generator = generator_for(self.seed, "order", number)
        return torch.randperm(len(self.members), generator=generator)[: self.classes].tolist()

    def _of_all(self, order: list[int], generator: torch.Generator) -> Batch:
        members = torch.cat([self.members[label][self.tested :] for label in order])
        return self._drawn(members, self.asked, generator)

    def _drawn(self, members: Tensor, count: int, generator: torch.Generator) -> Batch:
        """``count`` of ``members``, with replacement."""
        return self._batch(members[torch.randint(len(members), (count,), generator=generator)])

    def _batch(self, indices: Tensor) -> Batch:
        return Batch.of(self.loader.load(indices), self.loader.task)
