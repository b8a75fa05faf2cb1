"""Episodes: small tasks of a few classes, to train on and then to be asked about."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.loading import Loader
from spikelearn.plasticity import Batch
from spikelearn.seeding import generator_for


@dataclass(frozen=True)
class Episode:
    """A short training and the questions behind it.

    Args:
        train: batches, in the order in which they are shown.
        queries: samples of the same classes that are not among them.
    """

    train: list[Batch]
    queries: Batch


class Episodes:
    """Episodes of a data set's samples: a function of (seed, number).

    Args:
        loader: the samples, with their encoder; its order does not matter, its batch is how many are shown at once.
        classes: of an episode.
        shots: training samples of each class, shown in random order.
        queries: samples of each class that are asked behind them.
        seed: of the choice of classes and samples, and of their order.

    Raises:
        ValueError: a number below 1; fewer classes, or fewer samples of a class, than an episode takes.
    """

    def __init__(self, loader: Loader, *, classes: int = 5, shots: int = 50, queries: int = 10, seed: int = 0) -> None:
        for name, value in (("classes", classes), ("shots", shots), ("queries", queries)):
            check_count(name, value)
        self.loader, self.classes, self.shots, self.queries, self.seed = loader, classes, shots, queries, seed
        targets = loader.dataset.targets[loader.indices]
        needed = shots + queries
        self.members = {
            label: found for label in targets.unique().tolist()
            if len(found := loader.indices[targets == label]) >= needed
        }  # fmt: skip
        if len(self.members) < classes:
            raise ValueError(
                f"an episode takes {needed} samples ({shots} shots, {queries} queries) of each of {classes} classes, "
                f"but {len(self.members)} classes have as many: lower one of the three"
            )

    def episode(self, number: int) -> Episode:
        """The episode of that number."""
        generator = generator_for(self.seed, "episode", number)
        known = list(self.members)
        chosen = [known[i] for i in torch.randperm(len(known), generator=generator)[: self.classes].tolist()]
        shown, asked = [], []
        for label in chosen:
            members = self.members[label]
            drawn = members[torch.randperm(len(members), generator=generator)[: self.shots + self.queries]]
            shown.append(drawn[: self.shots])
            asked.append(drawn[self.shots :])
        order = torch.cat(shown)
        order = order[torch.randperm(len(order), generator=generator)]
        return Episode([self._batch(part) for part in order.split(self.loader.batch)], self._batch(torch.cat(asked)))

    def _batch(self, indices: Tensor) -> Batch:
        return Batch.of(self.loader.load(indices))
