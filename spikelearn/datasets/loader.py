"""Batches of a data set, time first, in an order that is a function of (seed, epoch)."""

import copy
from collections.abc import Iterator
from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_fraction, check_instance
from spikelearn.datasets.base import Dataset, EventDataset, ImageDataset
from spikelearn.datasets.encoders import Direct, Encoder
from spikelearn.datasets.noise import NOISES, Noise
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
        noise: what disturbs the samples; None: nothing. One of pixels acts before the encoder and is refused for
            recordings of events; one of spikes acts on what is binary, recordings or encoded images.
        seed: seed of order and noise.
        shuffle: whether the order changes with the epoch; else it is that of ``indices``, and noise is fixed too.

    Raises:
        ValueError: a size below 1, an encoder or a noise of pixels for recordings, no samples.
    """

    def __init__(
        self,
        dataset: Dataset,
        n_steps: int,
        batch: int,
        *,
        indices: Tensor | None = None,
        encoder: Encoder | None = None,
        noise: Noise | None = None,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        check_count("n_steps", n_steps)
        check_count("batch", batch)
        if encoder is not None and dataset.events:
            raise ValueError("an encoder was given, but the samples are recordings of events: leave it out")
        if encoder is not None:
            check_instance("encoder", encoder, Encoder, "for example BernoulliRate()")
        if noise is not None:
            check_instance("noise", noise, Noise, "for example Gaussian(0.3)")
            if noise.of_pixels and dataset.events:
                raise ValueError(
                    f"noise {NOISES.name_of(type(noise))!r} changes pixels, but the samples are recordings of events: "
                    "choose a noise of spikes (jitter, deletion, insertion)"
                )
        self.dataset, self.n_steps, self.batch = dataset, n_steps, batch
        self.indices = torch.arange(len(dataset)) if indices is None else indices
        if len(self.indices) == 0:
            raise ValueError("the loader has no samples: give it at least one")
        self.encoder, self.noise = encoder or Direct(), noise
        self.seed, self.shuffle = seed, shuffle
        self._rank, self._processes, self._fill = 0, 1, False

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.indices) // self.batch)

    @property
    def samples(self) -> int:
        """Samples in an epoch."""
        return len(self.indices)

    def order(self, number: int = 0) -> Tensor:
        """The samples of epoch ``number`` in the order in which they are shown, int64 [n]."""
        if not self.shuffle:
            return self.indices
        return self.indices[sample_order(len(self.indices), self.seed, number)]

    def size(self, batch: int) -> int:
        """Samples of the batch of that number."""
        return min(self.batch, len(self.indices) - batch * self.batch)

    def shared_out(self, rank: int, processes: int, *, fill: bool = False) -> Self:
        """A loader of the same batches that loads of each the share of one process only (``share``).

        Args:
            rank: number of the process, 0 .. processes - 1.
            processes: how many share a batch.
            fill: whether an empty share is filled with the batch's first sample, so that every process has as many
                batches; else it is passed over.
        """
        shared = copy.copy(self)
        shared._rank, shared._processes, shared._fill = rank, processes, fill
        return shared

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Samples]:
        """The batches of epoch ``number``, from batch ``start`` on."""
        order = self.order(number)
        for place in range(start * self.batch, len(order), self.batch):
            whole = order[place : place + self.batch]
            chosen = whole[share(len(whole), self._rank, self._processes)]
            if len(chosen) == 0 and not self._fill:
                continue
            yield self.load(chosen if len(chosen) else whole[:1], number if self.shuffle else 0)

    def load(self, indices: Tensor, epoch: int = 0) -> Samples:
        """The samples ``indices`` as one batch, with the noise of ``epoch``."""
        dataset, noise = self.dataset, self.noise
        key = (self.seed, dataset.split, epoch)
        if isinstance(dataset, EventDataset):
            inputs = dataset.frames(indices.tolist(), self.n_steps)
        elif isinstance(dataset, ImageDataset):
            pixels = dataset.pixels(indices)
            pixels = noise.pixels(pixels, indices, key) if noise is not None and noise.of_pixels else pixels
            inputs = self.encoder(pixels, self.n_steps, indices, key)
        else:
            raise ValueError(
                f"{type(dataset).__name__} is neither an ImageDataset nor an EventDataset: derive it from one of them"
            )
        if noise is not None and not noise.of_pixels:
            inputs = noise.spikes(inputs, indices, key)
        return Samples(inputs, dataset.targets[indices])


def share(size: int, rank: int, processes: int) -> slice:
    """The part of a batch of ``size`` samples that process ``rank`` takes: all parts differ by at most one sample."""
    return slice(rank * size // processes, (rank + 1) * size // processes)


def hold_out(dataset: Dataset, fraction: float, seed: int, indices: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Indices of training and validation samples, stratified by class: a function of (seed, fraction, indices).

    Args:
        dataset: the training split.
        fraction: share held out for validation, in [0, 1).
        seed: seed of the choice.
        indices: which samples there are to part, in rising order; None: all.

    Raises:
        ValueError: a fraction outside [0, 1), or one that leaves a part empty.
    """
    check_fraction("validation", fraction, below_one=True)
    indices = torch.arange(len(dataset)) if indices is None else indices
    if fraction == 0.0:
        return indices, torch.empty(0, dtype=torch.int64)
    targets = dataset.targets[indices]
    generator = generator_for(seed, "validation")
    kept, held = [], []
    for label in targets.unique():
        members = indices[targets == label]
        members = members[torch.randperm(len(members), generator=generator)]
        count = round(fraction * len(members))
        held.append(members[:count])
        kept.append(members[count:])
    train, validation = torch.cat(kept).sort().values, torch.cat(held).sort().values
    if len(train) == 0 or len(validation) == 0:
        raise ValueError(
            f"validation is {fraction}, which leaves {len(train)} training and {len(validation)} validation samples of "
            f"{len(indices)}: choose a fraction that leaves some of each, or 0"
        )
    return train, validation
