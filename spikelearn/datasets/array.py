"""Arrays of one's own as a data set: sequences over time, or still samples."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import check_flag, check_spike_bytes
from spikelearn.datasets.base import Dataset, Split
from spikelearn.datasets.targets import read_steps, read_targets, tensor_of
from spikelearn.tasks import Task


class ArrayDataset(Dataset):
    """Samples and targets that lie in memory as arrays.

    ``sequence`` says what an axis means, which shapes cannot: [N, 28, 28] may be images, or 28 steps of 28 sensors.

    >>> ArrayDataset(readings, labels, sequence=True)  # [N, T, sensors]; Loader(..., n_steps=T, ...)
    >>> ArrayDataset(pictures, labels, sequence=False)  # [N, C, H, W], or [N, features]

    Args:
        data: numpy array, tensor or nested lists, of any real type. A sequence of nothing but 0 and 1 is spikes, and
            kept as bytes; other sequences are currents. Still samples of type uint8 are images of 0 to 255, and
            become 0 to 1; those of every other type stay as they are. All is kept as bytes or float32.
        targets: class number of every sample, whole numbers from 0 on; or, of other tasks, real numbers of every
            sample, or a class number or real numbers for every step.
        sequence: True: axis 1 of ``data`` is time, and its length is the number of steps. False: samples are still,
            and an encoder makes sequences of them. It may be left out for [N, features], which are still.
        classes: number of classes; None: those that are seen.
        split: "train" or "test", by which noise differs.
        task: what is asked, a value or its name; None: what the form of ``targets`` says.
        lengths: steps of every sample, where shorter sequences are padded at the end; None: all have as many.
        valid: steps that count, true or false; None: all.
        rewards: a reward for every step; None: there are none.

    Shapes: data [N, T, ...] or [N, ...]; targets [N], [N, n], [N, T] or [N, T, n]; lengths [N]; valid and rewards
    [N, T]. ``dataset[i]``: sample [T, ...] or [...], and its target.

    Raises:
        ValueError: nothing said of ``sequence`` where a shape can mean both, or of ``task``; data and targets of
            different lengths; NaN, infinity, text; labels that are no whole numbers from 0 on without gaps; targets of
            another form than the task's; steps that sequences do not have.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        *,
        sequence: bool | None = None,
        classes: int | None = None,
        split: Split = "train",
        task: Task | str | None = None,
        lengths: Any = None,
        valid: Any = None,
        rewards: Any = None,
    ) -> None:
        super().__init__(split)
        values = tensor_of("data", data)
        self.still = not _is_sequence(values, sequence)
        steps = None if self.still else values.shape[1]
        self.task, self.targets, self.classes = read_targets(targets, task, classes, steps)
        if len(values) != len(self.targets):
            raise ValueError(
                f"data has {len(values)} samples and targets {len(self.targets)}, expected as many of each: axis 0 of "
                "both is the sample"
            )
        if values[0].numel() == 0:
            raise ValueError(f"data have shape {list(values.shape)}, which holds no values: leave no axis empty")
        self.lengths, self.valid, self.rewards = read_steps(len(values), steps, lengths, valid, rewards)
        self.data = _still(values) if self.still else _over_time(values)
        self.shape = tuple(values.shape[1 if self.still else 2 :])

    def check_steps(self, n_steps: int) -> None:
        if not self.still and n_steps != self.data.shape[1]:
            steps = self.data.shape[1]
            raise ValueError(
                f"the samples have {steps} time steps, and {n_steps} are asked for: set n_steps={steps} (--steps "
                f"{steps}), or cut or resample the data"
            )

    def pixels(self, indices: Tensor) -> Tensor:
        """Still samples, [B, ...], images of bytes as 0 to 1."""
        chosen = self.data[indices]
        return chosen.float() / 255.0 if chosen.dtype == torch.uint8 else chosen

    def frames(self, indices: Sequence[int], n_steps: int) -> Tensor:
        """Sequences, currents or spikes as bytes, [T, B, ...]."""
        return self.data[torch.as_tensor(indices)].transpose(0, 1).contiguous()

    def sample(self, index: int) -> Tensor:
        return self.pixels(torch.tensor([index]))[0] if self.still else self.data[index]


def _is_sequence(values: Tensor, said: bool | None) -> bool:
    if said is not None:
        check_flag("sequence", said)
    if values.ndim < 2:
        raise ValueError(f"data have shape {list(values.shape)}, expected [N, ...], one sample a row: add an axis")
    if said is None and values.ndim > 2:
        raise ValueError(
            f"data have shape {list(values.shape)}, which can be sequences or still samples: say sequence=True if axis "
            f"1 is time ({values.shape[1]} steps), sequence=False if every sample is still (in train: --data-option "
            "sequence=true; in compare and tune: --set data-option.sequence=true)"
        )
    if said and values.ndim == 2:
        raise ValueError(
            f"data have shape {list(values.shape)}, expected [N, T, features...] of sequences: add the axis of "
            "a single feature with data[:, :, None]"
        )
    return bool(said)


def _over_time(values: Tensor) -> Tensor:
    if values.dtype in (torch.bool, torch.uint8):
        values = values.to(torch.uint8)
        check_spike_bytes("data", values)
        return values
    values = _finite(values)
    lowest, highest = torch.aminmax(values)
    spikes = lowest >= 0 and highest <= 1 and bool(((values == 0) | (values == 1)).all())
    return values.to(torch.uint8) if spikes else values


def _still(values: Tensor) -> Tensor:
    return values if values.dtype == torch.uint8 else _finite(values)


def _finite(values: Tensor) -> Tensor:
    numbers = values.float()
    if not bool(torch.isfinite(torch.stack(torch.aminmax(numbers))).all()):
        bad = int((~torch.isfinite(numbers)).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"data of sample {bad} are not finite (in float32): replace NaN and infinity, or leave it out")
    return numbers
