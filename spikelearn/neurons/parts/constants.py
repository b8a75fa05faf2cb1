"""Constants of a population: one number for all of its neurons, or one a neuron."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: What a model keeps: a number, or a tensor that broadcasts to the neurons, [n] or [C, H, W].
Constant = float | Tensor


def given(name: str, value: Any, check: Callable[[str, Any], None]) -> Constant:
    """A constant as its model calculates with it: a number, or a tensor in double precision.

    Args:
        name: the option, for messages.
        value: a number, or a tensor, numpy array or list of numbers.
        check: ``check(name, number)`` raises ValueError for a number that cannot be.

    Raises:
        ValueError: a number that ``check`` refuses, an empty array, something else than numbers.
    """
    if not isinstance(value, Tensor | np.ndarray | list | tuple):
        check(name, value)
        return value
    try:
        values = torch.as_tensor(value, dtype=torch.float64).detach().cpu().clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} is {value!r}, expected a number, or an array of one number a neuron") from error
    if values.ndim == 0:
        return given(name, float(values), check)
    if not values.numel():
        raise ValueError(f"{name} has shape {list(values.shape)}, expected one number a neuron, or 1 where they share")
    wrong = ~torch.isfinite(values)
    for extreme in (wrong.int().argmax(), values.argmin(), values.argmax()):
        place = [int(index) for index in np.unravel_index(int(extreme), values.shape)]
        check(f"{name} of the neuron {place}", float(values[tuple(place)]))
    return values


def is_number(value: Constant, number: float) -> bool:
    """Tell whether a constant is this one number for all neurons."""
    return not isinstance(value, Tensor) and value == number


def add_times(v: Tensor, x: Tensor, constant: Constant, *, out: Tensor | None = None) -> Tensor:
    """v + x times a constant, rounded as ``torch.add`` does where x is 0 or 1."""
    if isinstance(constant, Tensor):
        return torch.addcmul(v, x, constant, out=out)
    return torch.add(v, x, alpha=constant, out=out)


def number_or(value: Constant, otherwise: float) -> float:
    """A constant that is one number for all neurons; ``otherwise`` where it is not."""
    return otherwise if isinstance(value, Tensor) else float(value)


def one_number(owner: Any, name: str, who: str) -> float:
    """The constant ``name`` of a population that ``who`` takes as one number.

    Raises:
        ValueError: each neuron has its own.
    """
    value: Any = getattr(owner, name)
    if isinstance(value, Tensor):
        raise ValueError(
            f"{who} takes one {name} for all neurons, but {type(owner).__name__} has one a neuron, of shape "
            f"{list(value.shape)}: give one number"
        )
    return value
