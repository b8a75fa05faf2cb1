"""Checks of a user's arrays, and of class numbers."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_all_finite, check_count, check_shape
from spikelearn.tasks import CLASSIFY, TASKS, PerStep, Regress, Task, check_lengths, check_valid, is_one_hot

WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

#: How labels of any other kind become class numbers.
NUMBERED = "number the classes from 0 without gaps, for example with np.unique(targets, return_inverse=True)[1]"


def tensor_of(name: str, given: Any) -> Tensor:
    """A tensor in main memory of an array, tensor or nested list of numbers, in its own type.

    Raises:
        ValueError: what cannot be read so: ragged lists, text, objects, complex numbers, sparse or masked arrays.
    """
    if isinstance(given, list | tuple) and given and all(isinstance(item, Tensor) for item in given):
        if len({item.shape for item in given}) > 1:
            raise ValueError(f"{name} are tensors of several shapes, expected one: cut or pad them to one")
        given = torch.stack(list(given))
    if isinstance(given, Tensor):
        if given.layout != torch.strided or given.is_complex() or given.is_quantized:
            raise ValueError(f"{name} are a tensor of type {given.dtype}, {given.layout}: make it dense and real")
        return given.detach().cpu()
    if isinstance(given, np.ma.MaskedArray):
        raise ValueError(f"{name} are a masked array, whose mask would be lost: fill it first, with .filled(value)")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} cannot be made one array ({error}): cut or pad sequences to one length") from error
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} have type {array.dtype}, expected numbers (bool, whole or floating point)")
    kind: np.dtype[Any] = _HELD.get(array.dtype.str[1:]) or array.dtype.newbyteorder("=")
    array = np.require(array.astype(kind, copy=False), None, ["C", "W"])
    # An axis of one entry may run backwards in what numpy calls contiguous; torch takes none that does.
    return torch.from_numpy(array.copy() if min(array.strides, default=0) < 0 else array)


#: Types of numpy that torch lacks or hardly knows, and such as hold their values.
_HELD: dict[str, np.dtype[Any]] = {
    "u2": np.dtype("i4"),
    "u4": np.dtype("i8"),
    "u8": np.dtype("f8"),
    "f16": np.dtype("f8"),
}


def class_numbers(given: Any, classes: int | None = None) -> tuple[Tensor, int]:
    """Targets as int64 [N], and the number of classes.

    Args:
        given: array, tensor or list of whole numbers, [N].
        classes: how many there are; None: as many as are seen, and then none below the highest may be missing.

    Raises:
        ValueError: labels that are no whole numbers [N], negative ones, too high ones, or gaps.
    """
    targets = _whole(given).long()
    if classes is not None:
        check_count("classes", classes)
    check_range(targets, classes)
    seen = targets.unique()
    if classes is None and len(seen) <= int(seen[-1]):
        missing = int((seen != torch.arange(len(seen))).nonzero()[0])
        raise ValueError(
            f"targets go up to {int(seen[-1])}, but no sample is of class {missing}: {NUMBERED}, or say classes="
            f"{int(seen[-1]) + 1} if it has none here"
        )
    return targets, classes or len(seen)


def read_targets(
    given: Any, task: Task | str | None, classes: int | None, steps: int | None
) -> tuple[Task, Tensor, int]:
    """Task, targets in the task's form, and the number of classes (0 where there are none).

    Args:
        given: array, tensor or list of targets, sample first.
        task: what is asked, a value or its name; None: what the form of the targets says.
        classes: how many there are; None: those that are seen.
        steps: T of sequences; None: samples are still.

    Raises:
        ValueError: targets that are not of the task's form, or of a form that says no task.
    """
    named = TASKS.make(task) if isinstance(task, str) else task
    targets = _targets_of(given)
    asked = named if named is not None and not named.of_input else _task_of(targets, steps)
    if asked.per_step and steps is None:
        raise ValueError(
            f"task {str(asked)!r} has a target for every step, but the samples are still: say sequence=True, or choose "
            "another task"
        )
    if not asked.classes:
        real = targets.float()
        real = real.unsqueeze(1) if real.ndim == 1 and not asked.per_step else real
        asked.check_all(real)
        check_steps_of("targets", real, steps if asked.per_step else None)
        return named or asked, real, 0
    if not asked.per_step:
        numbers, count = class_numbers(given, classes)
        return named or asked, numbers, count
    check_steps_of("targets", targets, steps)
    numbers, count = class_numbers(targets.flatten(), classes)
    asked.check_all(numbers.view(targets.shape))
    return named or asked, numbers.view(targets.shape), count


def _targets_of(given: Any) -> Tensor:
    try:
        return tensor_of("targets", given)
    except ValueError as error:
        raise ValueError(f"{error}; {NUMBERED}") from error


def _task_of(targets: Tensor, steps: int | None) -> Task:
    """The task that the form of ``targets`` [N, ...] says; class numbers where none is said."""
    per_step = steps is not None and targets.ndim > 1 and targets.shape[1] == steps
    if not targets.is_floating_point():
        return PerStep() if per_step and targets.ndim == 2 else CLASSIFY
    if targets.ndim == 3 and per_step:
        return PerStep(values=True)
    if targets.ndim == 2 and per_step:
        raise ValueError(
            f"targets have shape {list(targets.shape)} for sequences of {steps} steps, which can be one vector a "
            "sample [N, n] or one number for every step [N, T]: say task='regress' or task='per-step:values=true'"
        )
    return Regress() if targets.ndim == 2 and not is_one_hot(targets) else CLASSIFY


def read_steps(
    count: int, steps: int | None, lengths: Any, valid: Any, rewards: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Lengths [N], valid steps [N, T] and rewards [N, T] of ``count`` sequences of ``steps`` steps.

    Raises:
        ValueError: still samples, whose steps an encoder makes; other shapes; a length beyond the steps, a sample
            without a valid step, a reward that is no finite number.
    """
    if lengths is None and valid is None and rewards is None:
        return None, None, None
    if steps is None:
        raise ValueError("lengths, valid and rewards are of steps, but the samples are still: say sequence=True")
    valid_lengths = None if lengths is None else tensor_of("lengths", lengths).long()
    mask = None if valid is None else tensor_of("valid", valid).bool()
    paid = None if rewards is None else tensor_of("rewards", rewards).float()
    if valid_lengths is not None:
        check_lengths(valid_lengths, steps, count)
    if mask is not None:
        check_steps_of("valid", mask, steps)
        check_valid(mask.transpose(0, 1), steps, count)
    if paid is not None:
        check_shape("rewards", paid, (count, steps), "a reward for every step, sample first, [N, T]")
        check_all_finite("rewards [N, T]", paid, "0 where there is none")
    return valid_lengths, mask, paid


def check_steps_of(name: str, given: Tensor, steps: int | None) -> None:
    """Raise ValueError unless ``given`` [N, T, ...] has ``steps`` steps; None: it has none."""
    if steps is not None and (given.ndim < 2 or given.shape[1] != steps):
        raise ValueError(
            f"{name} have shape {list(given.shape)} for sequences of {steps} steps, expected [N, {steps}, ...], sample "
            "first"
        )


def check_range(targets: Tensor, classes: int | None) -> None:
    """Raise ValueError where a class number is negative, or not below ``classes``."""
    lowest, highest = (int(end) for end in torch.aminmax(targets))
    if lowest < 0 or (classes is not None and highest >= classes):
        expected = "numbers from 0 on" if classes is None else f"0 to {classes - 1} for {classes} classes"
        raise ValueError(f"targets go from {lowest} to {highest}, expected {expected}: {NUMBERED}")


def _whole(given: Any) -> Tensor:
    try:
        targets = tensor_of("targets", given)
    except ValueError as error:
        raise ValueError(f"{error}; {NUMBERED}") from error
    if targets.ndim != 1:
        cure = "one-hot rows become numbers with .argmax(1)" if targets.ndim == 2 else NUMBERED
        raise ValueError(f"targets have shape {list(targets.shape)}, expected one class number a sample, [N]: {cure}")
    if len(targets) == 0:
        raise ValueError("targets are empty, expected at least one sample")
    if targets.dtype == torch.bool:
        return targets.long()
    if targets.dtype not in WHOLE:
        raise ValueError(
            f"targets have type {targets.dtype}, expected whole numbers: {NUMBERED}, or convert with .long()"
        )
    return targets
