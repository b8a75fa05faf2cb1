"""Encoded or binned samples one by one, for torch's DataLoader."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from spikelearn.datasets.base import Dataset
from spikelearn.loading.augmentations import Augmentation
from spikelearn.loading.encoders import Encoder
from spikelearn.loading.loader import Loader, Samples, StepSamples
from spikelearn.loading.noise import Noise
from spikelearn.recordings import Binning
from spikelearn.tasks import Task


class Sequences(torch.utils.data.Dataset[tuple[Tensor, Any]]):
    """Samples of a data set as sequences: still ones encoded, recordings binned.

    >>> torch.utils.data.DataLoader(Sequences(data, n_steps=25), 64, shuffle=True, num_workers=2, collate_fn=collate)

    Args:
        dataset, n_steps, encoder, binning, augment, noise, seed, task: as for ``Loader``.

    Noise and changes are those of ``epoch``, which is 0 until it is set; workers that outlive an epoch do not see it.

    Shapes: ``sequences[i]``: inputs [T, ...], currents of floating point or spikes as bytes, cut to the sample's
    length, and the target: a class number, numbers [n], class numbers [T] or numbers [T, n].

    Raises:
        ValueError: as ``Loader``; a data set with a mask of valid steps or rewards, which a ``Loader`` hands out.
    """

    def __init__(
        self,
        dataset: Dataset,
        n_steps: int,
        *,
        encoder: Encoder | None = None,
        binning: Binning | None = None,
        augment: Sequence[Augmentation] = (),
        noise: Noise | None = None,
        seed: int = 0,
        task: Task | None = None,
    ) -> None:
        #: Number of the epoch.
        self.epoch = 0
        self._loader = Loader(
            dataset,
            n_steps,
            1,
            encoder=encoder,
            binning=binning,
            augment=augment,
            noise=noise,
            seed=seed,
            task=task,
        )
        if dataset.valid is not None or dataset.rewards is not None:
            raise ValueError(
                "the data set has a mask of valid steps or rewards, expected inputs, targets and lengths alone: take "
                "its batches from a Loader"
            )

    def __len__(self) -> int:
        return self._loader.samples

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        samples = self._loader.load(torch.tensor([index % len(self)]), self.epoch)
        lengths = getattr(samples, "lengths", None)
        inputs = samples.inputs[:, 0] if lengths is None else samples.inputs[: int(lengths[0]), 0]
        if self._loader.task.per_step:
            target = samples.targets[: len(inputs), 0]
            return inputs, target.unsqueeze(1) if target.is_floating_point() and target.ndim == 1 else target
        target = samples.targets[0]
        return inputs, target if target.ndim else int(target)


def collate(samples: Sequence[tuple[Tensor, Any]]) -> Samples | StepSamples:
    """Samples ([T, ...], target) as one batch, time first: what ``DataLoader`` takes as ``collate_fn``.

    A target is a class number, numbers [n], or one for every step: class numbers [T], numbers [T, n]. Samples of
    several lengths are padded with 0 to the longest, and their lengths come along.

    Shapes: inputs [T, B, ...]; targets [B], [B, n], [T, B] or [T, B, n]; inputs that are constant in time stay stored
    once.
    """
    inputs, targets = zip(*samples, strict=True)
    steps = [len(one) for one in inputs]
    stacked = _stacked(targets)
    if len(set(steps)) > 1:
        return StepSamples(pad_sequence(list(inputs)), stacked, torch.tensor(steps))
    if steps[0] > 1 and all(one.stride(0) == 0 for one in inputs):
        still = torch.stack([one[0] for one in inputs])
        return Samples(still.expand(steps[0], *still.shape), stacked)
    return Samples(torch.stack(inputs, 1), stacked)


def _stacked(targets: Sequence[Any]) -> Tensor:
    if not all(isinstance(target, Tensor) and target.ndim for target in targets):
        return torch.tensor(targets)
    for_steps = not targets[0].is_floating_point() or targets[0].ndim > 1
    return pad_sequence(list(targets)) if for_steps else torch.stack(list(targets))
