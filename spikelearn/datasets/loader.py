"""Batches of a data set, time first, in an order that is a function of (seed, epoch)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_fraction, check_instance
from spikelearn.datasets.base import Dataset, EventDataset, ImageDataset
from spikelearn.datasets.encoders import Direct, Encoder
from spikelearn.seeding import generator_for, sample_order


class Samples(NamedTuple):
    """inputs [T, B, ...], currents of floating point or spikes as bytes (uint8 of 0 and 1); targets [B], int64."""

    inputs: Tensor
    targets: Tensor


class Loader:
    """Batches of some samples of a data set.

    Args:
        dataset: where the samples come from.
        n_steps: time steps T.
        batch: samples per batch B; the last batch of an epoch may be smaller.
        indices: which samples, int64 [n]; None: all.
        encoder: how still images become sequences; None: ``Direct``. Refused for recordings of events.
        seed: seed of order and noise.
        shuffle: whether the order changes with the epoch; else it is that of ``indices``, and noise is fixed too.

    Raises:
        ValueError: a size below 1, an encoder for recordings, no samples.
    """

    def __init__(
        self,
        dataset: Dataset,
        n_steps: int,
        batch: int,
        *,
        indices: Tensor | None = None,
        encoder: Encoder | None = None,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        check_count("n_steps", n_steps)
        check_count("batch", batch)
        if encoder is not None and dataset.events:
            raise ValueError("an encoder was given, but the samples are recordings of events: leave it out")
        if encoder is not None:
            check_instance("encoder", encoder, Encoder, "for example BernoulliRate()")
        self.dataset, self.n_steps, self.batch = dataset, n_steps, batch
        self.indices = torch.arange(len(dataset)) if indices is None else indices
        if len(self.indices) == 0:
            raise ValueError("the loader has no samples: give it at least one")
        self.encoder = encoder or Direct()
        self.seed, self.shuffle = seed, shuffle

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.indices) // self.batch)

    @property
    def samples(self) -> int:
        """Samples in an epoch."""
        return len(self.indices)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Samples]:
        """The batches of epoch ``number``, from batch ``start`` on."""
        order = self.indices
        if self.shuffle:
            order = order[sample_order(len(order), self.seed, number)]
        for place in range(start * self.batch, len(order), self.batch):
            yield self.load(order[place : place + self.batch], number if self.shuffle else 0)

    def load(self, indices: Tensor, epoch: int = 0) -> Samples:
        """The samples ``indices`` as one batch, with the noise of ``epoch``."""
        dataset = self.dataset
        if isinstance(dataset, EventDataset):
            inputs = dataset.frames(indices.tolist(), self.n_steps)
        elif isinstance(dataset, ImageDataset):
            key = (self.seed, dataset.split, epoch)
            inputs = self.encoder(dataset.pixels(indices), self.n_steps, indices, key)
        else:
            raise ValueError(
                f"{type(dataset).__name__} is neither an ImageDataset nor an EventDataset: derive it from one of them"
            )
        return Samples(inputs, dataset.targets[indices])


def hold_out(dataset: Dataset, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices of training and validation samples, stratified by class: a function of (seed, fraction).

    Args:
        dataset: the training split.
        fraction: share held out for validation, in [0, 1).
        seed: seed of the choice.

    Raises:
        ValueError: a fraction outside [0, 1), or one that leaves a part empty.
    """
    check_fraction("validation", fraction, below_one=True)
    if fraction == 0.0:
        return torch.arange(len(dataset)), torch.empty(0, dtype=torch.int64)
    generator = generator_for(seed, "validation")
    kept, held = [], []
    for label in dataset.targets.unique():
        members = (dataset.targets == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        count = round(fraction * len(members))
        held.append(members[:count])
        kept.append(members[count:])
    train, validation = torch.cat(kept).sort().values, torch.cat(held).sort().values
    if len(train) == 0 or len(validation) == 0:
        raise ValueError(
            f"validation is {fraction}, which leaves {len(train)} training and {len(validation)} validation samples of "
            f"{len(dataset)}: choose a fraction that leaves some of each, or 0"
        )
    return train, validation
