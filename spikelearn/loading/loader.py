"""Batches of a data set, time first, in an order that is a function of (seed, epoch)."""

import copy
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_all_finite, check_count, check_fraction, check_instance, is_finite, remember_finite
from spikelearn.datasets.base import Dataset, EventDataset, ImageDataset
from spikelearn.datasets.subset import parted
from spikelearn.datasets.targets import check_range
from spikelearn.loading.augmentations import Augmentation, changing
from spikelearn.loading.encoders import Direct, Encoder
from spikelearn.loading.look import Look
from spikelearn.loading.noise import NOISES, Noise
from spikelearn.recordings import Binning
from spikelearn.seeding import generator_for, sample_order
from spikelearn.tasks import Task

OWN = (
    "ArrayDataset(data, targets, sequence=True or False) makes one of arrays; a class of one's own derives from "
    "ImageDataset (still images) or EventDataset (recordings of events)"
)


class Samples(NamedTuple):
    """inputs [T, B, ...], currents of floating point or spikes as bytes (uint8 of 0 and 1); targets as the task has."""

    inputs: Tensor
    targets: Tensor


class StepSamples(NamedTuple):
    """Samples of which more is known: steps of each, ``lengths`` [B]; steps that count, ``valid`` [T, B]; ``rewards``.

    What is None is not known of any sample; ``rewards`` are [T, B].
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    valid: Tensor | None = None
    rewards: Tensor | None = None


class Loader:
    """Batches of some samples of a data set.

    Args:
        dataset: where the samples come from.
        n_steps: time steps T; those of the data where the samples are sequences.
        batch: samples per batch B; the last batch of an epoch may be smaller.
        indices: which samples, int64 [n]; None: all.
        encoder: how still images become sequences; None: ``Direct``. Refused for sequences and recordings of events.
        binning: how recordings become steps; None: as the data set says. Refused for other samples.
        augment: changes of the events of recordings, one after another, before they are binned; other ones in every
            epoch that is shuffled, each a function of (seed, split, epoch, sample). Refused for other samples.
        noise: what disturbs the samples; None: nothing. One of pixels acts before the encoder and is refused for
            sequences and recordings; one of spikes acts on what is binary, recordings or encoded images.
        seed: seed of order and noise.
        buckets: batches of samples of like length, drawn from so many batches at a time and cut to their longest; 0:
            as they come, of T steps. It needs a data set with lengths, and ``shuffle``.
        shuffle: whether the order changes with the epoch; else it is that of ``indices``, and noise is fixed too.
        task: what is asked; None: the data set's own.

    Raises:
        ValueError: no data set, or one whose targets are not of the task's form; a size below 1, a number of
            steps that sequences do not have; an encoder or a noise of pixels for sequences or recordings; no samples.
    """

    def __init__(
        self,
        dataset: Dataset,
        n_steps: int,
        batch: int,
        *,
        indices: Tensor | None = None,
        encoder: Encoder | None = None,
        binning: Binning | None = None,
        augment: Sequence[Augmentation] = (),
        noise: Noise | None = None,
        seed: int = 0,
        shuffle: bool = False,
        buckets: int = 0,
        task: Task | None = None,
    ) -> None:
        check_count("n_steps", n_steps)
        check_count("buckets", buckets, 0)
        check_count("batch", batch)
        self.task = _checked_task(dataset, task)
        if buckets and (dataset.lengths is None or not shuffle):
            raise ValueError("buckets are of shuffled samples with lengths: give the data set lengths, or drop them")
        dataset = _binned(dataset, binning, augment)
        dataset.check_steps(n_steps)
        timed = "recordings of events" if isinstance(dataset, EventDataset) else "sequences"
        if encoder is not None and not dataset.still:
            raise ValueError(f"an encoder was given, but the samples are {timed}: leave it out")
        if encoder is not None:
            check_instance("encoder", encoder, Encoder, "for example BernoulliRate()")
        if noise is not None:
            check_instance("noise", noise, Noise, "for example Gaussian(0.3)")
            if noise.of_pixels and not dataset.still:
                raise ValueError(
                    f"noise {NOISES.name_of(type(noise))!r} changes pixels, but the samples are {timed}: choose a "
                    "noise of spikes (jitter, deletion, insertion)"
                )
        self.dataset, self.n_steps, self.batch = dataset, n_steps, batch
        self.indices = torch.arange(len(dataset)) if indices is None else torch.as_tensor(indices)
        if len(self.indices) == 0:
            raise ValueError("the loader has no samples: give it at least one")
        self.encoder, self.noise, self.augment = encoder or Direct(), noise, tuple(augment)
        self.seed, self.shuffle, self.buckets = seed, shuffle, buckets
        self._rank, self._processes, self._fill = 0, 1, False
        self._look = Look(dataset)

    @property
    def outputs(self) -> int:
        """Outputs that a network needs for this task: one a class, or one for each number of a target."""
        dataset = self.dataset
        return self.task.outputs(getattr(dataset, "classes", 0), dataset.targets, dataset.shape)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.indices) // self.batch)

    @property
    def samples(self) -> int:
        """Samples in an epoch."""
        return len(self.indices)

    @property
    def blank(self) -> bool:
        """True if what was shown so far is (nearly) empty, which has been said: then no network can be blamed."""
        return self._look.blank or self.dataset.nearly_empty

    def order(self, number: int = 0) -> Tensor:
        """The samples of epoch ``number`` in the order in which they are shown, int64 [n]."""
        if not self.shuffle:
            return self.indices
        order = self.indices[sample_order(len(self.indices), self.seed, number)]
        if not self.buckets or self.dataset.lengths is None:
            return order
        return by_length(
            order, self.dataset.lengths, self.batch, self.buckets, generator_for(self.seed, "buckets", number)
        )

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

    def of_classes(self, classes: Collection[int]) -> Self:
        """A loader of those of its samples whose class is one of ``classes``, in the order of its own.

        Where the task asks for the input itself, the class is the one that the data set gives.

        Raises:
            ValueError: targets that are no class numbers; no sample of any.
        """
        task = self.dataset.task if self.task.of_input else self.task
        if not task.classes or task.per_step:
            raise ValueError(f"samples of a class were asked for, but the task is {self.task!s}: use data with classes")
        chosen = copy.copy(self)
        chosen.indices = self.indices[torch.isin(self.dataset.targets[self.indices], torch.tensor(list(classes)))]
        if len(chosen.indices) == 0:
            raise ValueError(f"no sample has a class of {sorted(classes)}: choose others, or more samples")
        return chosen

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Samples | StepSamples]:
        """The batches of epoch ``number``, from batch ``start`` on."""
        order = self.order(number)
        for place in self.places(start):
            chosen = order[place]
            samples = self.load(chosen, number if self.shuffle else 0)
            if not self._look.done:
                self._look.take(samples.inputs, self.samples, chosen)
            yield samples

    def places(self, start: int = 0) -> Iterator[slice]:
        """Places in the order of ``epoch`` at which the samples of each batch stand, from batch ``start`` on."""
        for first in range(start * self.batch, self.samples, self.batch):
            size = min(self.batch, self.samples - first)
            part = share(size, self._rank, self._processes)
            if part.stop > part.start:
                yield slice(first + part.start, first + part.stop)
            elif self._fill:
                yield slice(first, first + 1)

    def load(self, indices: Tensor, epoch: int = 0) -> Samples | StepSamples:
        """The samples ``indices`` as one batch, with the noise of ``epoch``.

        Raises:
            ValueError: a sample whose pixels, or what an encoder made of them, are NaN or infinite; it is named.
        """
        dataset, noise = self.dataset, self.noise
        key = (self.seed, dataset.split, epoch)
        if dataset.still:
            pixels = dataset.pixels(indices)
            check_samples_finite(pixels, 0, indices, "pixels")
            clean = pixels
            pixels = noise.pixels(pixels, indices, key) if noise is not None and noise.of_pixels else pixels
            inputs = self.encoder(pixels, self.n_steps, indices, key)
        elif self.augment and isinstance(dataset, EventDataset):
            change = changing(self.augment, dataset.sensor_size, key)
            clean = inputs = dataset.frames(indices.tolist(), self.n_steps, change)
        else:
            clean = inputs = dataset.frames(indices.tolist(), self.n_steps)
        if noise is not None and not noise.of_pixels:
            inputs = noise.spikes(inputs, indices, key)
        if not dataset.still or inputs.data_ptr() != pixels.data_ptr():  # else they are the pixels, looked at already
            check_samples_finite(inputs, 1, indices, "inputs")
        remember_finite(inputs)
        return self._with_targets(inputs, clean, indices)

    def _with_targets(self, inputs: Tensor, clean: Tensor, indices: Tensor) -> Samples | StepSamples:
        """``inputs`` with the targets of the task, and what else is known; ``clean``: the samples before noise."""
        dataset = self.dataset
        if self.task.of_input:
            targets = (clean if dataset.still else clean.float().mean(0)).flatten(1)
        else:
            targets = dataset.targets[indices]
            targets = targets.transpose(0, 1).contiguous() if self.task.per_step else targets
        if dataset.lengths is None and dataset.valid is None and dataset.rewards is None:
            return Samples(inputs, targets)
        lengths = None if dataset.lengths is None else dataset.lengths[indices]
        valid, rewards = (
            None if each is None else each[indices].transpose(0, 1).contiguous()
            for each in (dataset.valid, dataset.rewards)
        )
        if self.buckets and lengths is not None:
            longest = int(lengths.max())
            inputs = inputs[:longest]
            valid, rewards = (None if one is None else one[:longest] for one in (valid, rewards))
            targets = targets[:longest] if self.task.per_step else targets
        return StepSamples(inputs, targets, lengths, valid, rewards)


def _checked_task(dataset: Dataset, task: Task | None) -> Task:
    """The task: the one named, or the data set's own.

    Raises:
        ValueError: no data set of a known kind, or one without a target of the task's form for every sample.
    """
    if not isinstance(dataset, Dataset) or not hasattr(dataset, "still"):
        raise ValueError(f"dataset is a {type(dataset).__name__}, which no loader can read: {OWN}")
    if task is not None:
        check_instance("task", task, Task, "for example task=Autoencode(), with brackets")
    task, targets = task or dataset.task, getattr(dataset, "targets", None)
    if not isinstance(targets, Tensor):
        raise ValueError(f"targets of the data set are {type(targets).__name__}, expected a tensor {task.of_all}")
    if not task.of_input:
        task.check_all(targets)
    if isinstance(dataset, ImageDataset) and len(dataset.images) != len(targets):
        raise ValueError(
            f"the data set has {len(dataset.images)} images and {len(targets)} targets, expected one for each"
        )
    if len(targets) and task.classes:
        check_range(targets, getattr(dataset, "classes", None))
    return task


def _binned(dataset: Dataset, binning: Binning | None, augment: Sequence[Augmentation]) -> Dataset:
    """The data set with recordings binned by ``binning``; ValueError where there is one, or a change, and none are."""
    for one in augment:
        check_instance("augment", one, Augmentation, "a list of changes of events, for example [Shift(2)]")
    if binning is not None:
        check_instance("binning", binning, Binning, "for example Binning(width=3e-3)")
    if isinstance(dataset, EventDataset):
        return dataset if binning is None else dataset.binned_by(binning)
    if binning is not None or augment:
        what, cure = ("a binning", "binning") if binning is not None else ("a change of events", "augment")
        raise ValueError(
            f"{what} was given, but the samples are {'still' if dataset.still else 'sequences'}, not recordings of "
            f"events: leave {cure} out"
        )
    return dataset


def by_length(order: Tensor, lengths: Tensor, batch: int, buckets: int, generator: torch.Generator) -> Tensor:
    """Samples in such an order that those of a batch are of like length; which batch comes when is drawn.

    Args:
        order: samples in the order in which they were drawn, int64 [n].
        lengths: steps of every sample of the data set.
        batch: samples of a batch.
        buckets: batches within whose samples lengths are sorted.
        generator: what draws the order of whole batches; a smaller one stays the last.
    """
    chunks = order.split(batch * buckets)
    batches = torch.cat([one[lengths[one].argsort(stable=True)] for one in chunks]).split(batch)
    whole = [one for one in batches if len(one) == batch]
    drawn = [whole[place] for place in torch.randperm(len(whole), generator=generator).tolist()]
    return torch.cat([*drawn, *batches[len(whole) :]])


def check_samples_finite(values: Tensor, axis: int, indices: Tensor, what: str) -> None:
    """Raise ValueError that names the first of the samples ``indices``, along ``axis``, with a NaN or an infinity."""
    if not isinstance(values, Tensor) or is_finite(values):
        return
    for place, index in enumerate(indices.tolist()):
        check_all_finite(f"{what} of sample {index}", values.select(axis, place), "take the sample out, or mend it")


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
    train, validation = parted(dataset.targets, indices, fraction, generator_for(seed, "validation"))
    if len(train) == 0 or len(validation) == 0:
        raise ValueError(
            f"validation is {fraction}, which leaves {len(train)} training and {len(validation)} validation samples of "
            f"{len(indices)}: choose a fraction that leaves some of each, or 0"
        )
    return train, validation
