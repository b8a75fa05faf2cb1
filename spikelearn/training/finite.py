"""The refusal of losses, changes and states that are NaN or infinite."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from spikelearn.checks import is_finite, is_known_finite, total


class NonFiniteUpdate(ValueError):
    """A loss or a wished change is not a number, and was not applied; or what the optimizer made of it is not."""


def refuse_not_finite(values: Sequence[tuple[str, Tensor]]) -> None:
    """Raise NonFiniteUpdate where a loss, a change or a state has an entry that is NaN or infinite."""
    sums = [total(value) for _, value in values if value.is_floating_point() and not is_known_finite(value)]
    if any(value.is_cuda for value in sums):  # one question to the GPU for all of them
        sums = [torch.stack([value.double() for value in sums])]
    if all(math.isfinite(number) for value in sums for number in value.reshape(-1).tolist()):
        return
    for name, value in values:
        if not is_finite(value):
            what = f"the loss is {float(value)}" if name == "loss" else f"{name} is not finite"
            raise NonFiniteUpdate(f"{what}: lower the learning rate, or check the inputs for NaN")
