"""Checks of user input: every message names the argument, what was given, what was expected and the cure."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from spikelearn.component_text import one_of as one_of


def check_positive(name: str, value: float, unit: str = "") -> None:
    """Raise ValueError unless ``value`` is a finite number above 0."""
    if not _is_number(value) or not 0 < value < float("inf"):
        suffix = f" ({unit})" if unit else ""
        raise ValueError(f"{name} is {value!r}, expected a positive number{suffix}")


def check_not_negative(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a finite number of at least 0."""
    if not _is_number(value) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value!r}, expected a number of at least 0")


def check_finite(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a finite number."""
    if not _is_number(value) or not abs(value) < float("inf"):
        raise ValueError(f"{name} is {value!r}, expected a finite number")


def check_fraction(name: str, value: float, *, below_one: bool = False) -> None:
    """Raise ValueError unless ``value`` lies in [0, 1], or in [0, 1) with ``below_one``."""
    if not _is_number(value) or not 0 <= value <= 1 or (below_one and value == 1):
        raise ValueError(f"{name} is {value!r}, expected a number in [0, 1{')' if below_one else ']'}")


def check_count(name: str, value: int, least: int = 1) -> None:
    """Raise ValueError unless ``value`` is a whole number of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}, expected a whole number of at least {least}")


def check_instance(name: str, value: object, kind: type, cure: str) -> None:
    """Raise ValueError unless ``value`` is an object of ``kind``; ``cure`` shows how one is made."""
    if not isinstance(value, kind):
        given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
        raise ValueError(f"{name} is {given}, expected an object of the class {kind.__name__}: {cure}")


def check_flag(name: str, value: bool) -> None:
    """Raise ValueError unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}, expected true or false")


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``."""
    options = list(choices)
    if value not in options:
        raise ValueError(f"{name} is {value!r}, expected {one_of(str(value), options)}")


def check_unused(kind: type, options: Mapping[str, Any], why: str) -> None:
    """Raise ValueError where one of ``options`` of ``kind``, which have no effect, is not as by default.

    Args:
        kind: the class that has them.
        options: {option: value}.
        why: the reason, and the cure: a phrase behind "but".
    """
    known = inspect.signature(kind).parameters
    for name, value in options.items():
        if value != known[name].default:
            raise ValueError(f"{name} is {value!r}, but {why}, or leave {name} out")


def check_shape(name: str, tensor: Tensor, expected: Sequence[int], cure: str) -> None:
    """Raise ValueError unless ``tensor`` has the shape ``expected``; ``cure`` says how to mend it."""
    if tuple(tensor.shape) != tuple(expected):
        raise ValueError(f"{name} has shape {list(tensor.shape)}, expected {list(expected)}: {cure}")


def check_record_type(name: str, record: Tensor) -> None:
    """Raise ValueError unless ``record`` is of floating point, or of bytes (bool or uint8: spikes, 0 or 1)."""
    if not record.is_floating_point() and record.dtype not in (torch.bool, torch.uint8):
        raise ValueError(
            f"{name} have type {record.dtype}, expected floating point, or spikes as bytes (torch.bool, torch.uint8): "
            "convert them with .float()"
        )


def check_spike_bytes(name: str, record: Tensor) -> None:
    """Raise ValueError where ``record`` is of bytes that are not 0 or 1; floating point may have any value."""
    if record.dtype != torch.uint8 or not record.numel():
        return
    highest = int((record[:1] if record.stride(0) == 0 else record).amax())
    if highest > 1:
        raise ValueError(
            f"{name} are bytes up to {highest}, expected spikes, 0 or 1: convert other values to floating "
            "point, for example grey levels with .float() / 255"
        )


def is_finite(tensor: Tensor) -> bool:
    """Tell whether no entry is NaN or infinite; whole numbers never are, and are not looked at."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return bool(torch.isfinite(total(tensor))) or bool(torch.isfinite(tensor.detach()).all())


def total(tensor: Tensor) -> Tensor:
    """A sum that is NaN or infinite where an entry of ``tensor`` is; finite entries may overflow in it.

    It costs a fraction of a mask of every entry. Of a record that is constant in time one step is looked at.
    """
    values = tensor.detach()
    values = values[:1] if values.ndim and values.stride(0) == 0 else values
    return values.sum(dtype=torch.promote_types(values.dtype, torch.float32))


def check_all_finite(name: str, tensor: Tensor, cure: str) -> None:
    """Raise ValueError where ``tensor`` has an entry that is NaN or infinite; ``cure`` says how to mend it."""
    if is_finite(tensor):
        return
    wrong = (~torch.isfinite(tensor.detach())).nonzero()
    first = tuple(wrong[0].tolist())
    raise ValueError(
        f"{name} is {float(tensor.detach()[first])} at {list(first)} and not finite at {len(wrong)} of "
        f"{tensor.numel()} entries, expected finite numbers: {cure}"
    )


def check_record_finite(name: str, record: Tensor, cure: str) -> None:
    """``check_all_finite`` of a record, which is then known of that tensor until it is written."""
    if not is_known_finite(record):
        check_all_finite(name, record, cure)
        remember_finite(record)


def remember_finite(record: Tensor) -> None:
    """Let ``record``, which has been looked at, pass ``check_record_finite`` until it is written.

    Not one made in inference mode, whose in-place writes are not counted.
    """
    if record.is_floating_point() and not record.is_inference():
        record._spikelearn_finite = _state_of(record)  # type: ignore[attr-defined]


def is_known_finite(record: Tensor) -> bool:
    """Tell whether ``remember_finite`` has been called with ``record``, and nobody has written it since."""
    return getattr(record, "_spikelearn_finite", None) == _state_of(record)


def _state_of(record: Tensor) -> tuple[int, ...]:
    return id(record), -1 if record.is_inference() else record._version, record.data_ptr(), record.numel()


def check_tensor(name: str, value: object, cure: str) -> None:
    """Raise ValueError unless ``value`` is a torch tensor with strides and values; ``cure`` says how one is made."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is of type {type(value).__name__}, expected a torch.Tensor: {cure}")
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        form = "quantised" if value.is_quantized else "without values (meta)" if value.is_meta else str(value.layout)
        raise ValueError(f"{name} is a tensor that is {form}, expected a dense one (torch.strided): {cure}")


def check_order(inputs: Tensor, batch: int) -> None:
    """Raise ValueError unless ``inputs`` is [T, B, ...] of ``batch`` samples, floating point or bytes."""
    check_record_type("inputs", inputs)
    if inputs.ndim < 3:
        raise ValueError(
            f"inputs have shape {list(inputs.shape)}, expected [T, B, ...] with T time steps and B = {batch} samples: "
            "add the time axis in front, for example with inputs.expand(T, *inputs.shape)"
        )
    if inputs.shape[1] == batch:
        if not inputs.shape[0] or not inputs.shape[1]:
            raise ValueError(f"inputs have shape {list(inputs.shape)}, expected [T, B, ...] with T >= 1 and B >= 1")
        return
    if inputs.shape[0] == batch:
        raise ValueError(
            f"inputs have shape {list(inputs.shape)} for {batch} targets: this is batch first, expected time first, "
            "[T, B, ...]: if they are [B, T, ...], swap the axes with inputs.transpose(0, 1); if they have no time, as "
            "still images [B, C, H, W], show each for T steps with inputs.expand(T, *inputs.shape)"
        )
    raise ValueError(
        f"inputs have shape {list(inputs.shape)} for {batch} targets, expected [T, B, ...] with B = {batch}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
