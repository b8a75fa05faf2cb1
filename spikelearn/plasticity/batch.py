"""Samples presented together, checked at this one door."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor

from spikelearn.checks import (
    check_all_finite,
    check_count,
    check_instance,
    check_record_finite,
    check_shape,
    check_tensor,
)
from spikelearn.tasks import CLASSIFY, Task, check_lengths, check_valid, valid_steps


@dataclass(frozen=True)
class Batch:
    """Samples presented together.

    Args:
        inputs: [T, B, ...], floating point, or spikes as bytes (bool or uint8, 0 or 1); a constant image as
            ``x.expand(T, *x.shape)``.
        targets: as the task has them; class numbers, int64 [B], where nothing is said.
        masks: {place: factor [B, ...]}, 0 or 1/(1-p), constant in time; places as in ``Network.step``.
        lengths: steps of each sample, int64 [B], where shorter ones are padded at the end; None: all have T.
        valid: steps that count, bool [T, B]; None: all. Steps left out by either count in no loss and no measure.
        rewards: a reward for every step, [T, B], for rules that learn by it; None: there are none.
        task: what is asked, for example ``Regress()``.
        draws: {name: what the rule has drawn by sample for this batch, [B, ...]}; empty: it has drawn nothing yet.
        seeds: from what random neurons draw, one for each sample, int64 [B]; None: ``learn`` draws them.

    Raises:
        ValueError: no tensors, no step or no sample, a wrong order of axes (batch first is named as such), inputs,
            targets, rewards or masks that are NaN or infinite, targets of another form than the task's, a mask for
            another number of samples, a sample without a valid step.
    """

    inputs: Tensor
    targets: Tensor
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    lengths: Tensor | None = None
    valid: Tensor | None = None
    rewards: Tensor | None = None
    task: Task = CLASSIFY
    seeds: Tensor | None = None
    draws: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_tensor("inputs", self.inputs, "make one with torch.as_tensor(inputs)")
        check_tensor("targets", self.targets, "make one with torch.as_tensor(targets)")
        check_instance("task", self.task, Task, "for example task=Regress(), with brackets")
        self.task.check(self.inputs, self.targets)
        check_record_finite("inputs [T, B, ...]", self.inputs, "take the sample out, or mend it")
        check_instance("masks", self.masks, Mapping, "for example {'inputs': factor}")
        for place, mask in self.masks.items():
            self._check_mask(place, mask)
        for name, drawn in self.draws.items():
            check_tensor(f"draw {name!r}", drawn, "numbers for each sample, [B, ...]")
            check_shape(f"draw {name!r}", drawn, (self.size, *drawn.shape[1:]), "one row a sample, [B, ...]")
        self._check_steps()

    @classmethod
    def of(cls, samples: Any, task: Task = CLASSIFY) -> Self:
        """A batch of what a loader gives: inputs, targets, and by name whatever else there is."""
        return cls(**samples._asdict(), task=task)

    @property
    def size(self) -> int:
        """Samples B."""
        return self.inputs.shape[1]

    @property
    def valid_steps(self) -> Tensor | None:
        """The mask [T, B] of steps that count, by ``lengths`` and ``valid``; None: all do."""
        return valid_steps(len(self.inputs), self.lengths, self.valid)

    def first(self, count: int) -> "Batch":
        """The first ``count`` samples, without masks and draws."""
        return self._of(slice(count))

    def one(self, sample: int) -> "Batch":
        """One sample as a batch, without masks and draws.

        Raises:
            ValueError: a sample that is not there.
        """
        check_count("sample", sample, least=0)
        if sample >= self.size:
            raise ValueError(f"sample is {sample}, expected 0 to {self.size - 1}: the batch holds {self.size}")
        return self._of(slice(sample, sample + 1))

    def _of(self, samples: slice) -> "Batch":
        targets = self.targets[:, samples] if self.task.per_step else self.targets[samples]
        lengths = None if self.lengths is None else self.lengths[samples]
        valid, rewards = (None if each is None else each[:, samples] for each in (self.valid, self.rewards))
        seeds = None if self.seeds is None else self.seeds[samples]
        return Batch(self.inputs[:, samples], targets, {}, lengths, valid, rewards, self.task, seeds)

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> "Batch":
        """The batch on a device, currents and real targets of type ``dtype``; a constant input stays stored once."""
        real = dtype if self.targets.is_floating_point() else None
        kind = dtype if self.inputs.is_floating_point() else None
        others = {name: value for name in ("lengths", "valid", "rewards") if (value := getattr(self, name)) is not None}
        drawn = (*self.masks.values(), *self.draws.values())
        there = {tensor.device for tensor in (self.inputs, self.targets, *drawn, *others.values())}
        if there == {device} and kind in (None, self.inputs.dtype) and real in (None, self.targets.dtype):
            return self
        constant = self.inputs.shape[0] > 1 and self.inputs.stride(0) == 0
        inputs = self.inputs[0].to(device, kind).expand_as(self.inputs) if constant else self.inputs.to(device, kind)
        masks = {place: mask.to(device) for place, mask in self.masks.items()}
        moved = {name: value.to(device) for name, value in others.items()}
        draws = {name: drawn.to(device) for name, drawn in self.draws.items()}
        return replace(self, inputs=inputs, targets=self.targets.to(device, real), masks=masks, draws=draws, **moved)

    def _check_mask(self, place: str, mask: Tensor) -> None:
        check_tensor(f"mask {place!r}", mask, "0 or 1/(1-p) for each sample and place, [B, ...]")
        check_all_finite(f"mask {place!r}", mask, "0 or 1/(1-p) for each sample and place")
        if mask.ndim and mask.shape[0] != self.size:
            check_shape(f"mask {place!r}", mask, (self.size, *mask.shape[1:]), "one mask a sample, [B, ...]")

    def _check_steps(self) -> None:
        steps, batch = self.inputs.shape[:2]
        if self.lengths is not None:
            check_lengths(self.lengths, steps, batch)
        if self.valid is not None:
            check_valid(self.valid, steps, batch)
            if self.lengths is not None:
                valid = self.valid_steps
                assert valid is not None
                check_valid(valid, steps, batch)
        if self.rewards is not None:
            check_tensor("rewards", self.rewards, "a reward for every step, [T, B]")
            check_shape("rewards", self.rewards, (steps, batch), "a reward for every step, time first, [T, B]")
            check_all_finite("rewards [T, B]", self.rewards, "0 where there is none")
