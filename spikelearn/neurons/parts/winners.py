"""Who wins where the neurons of a layer inhibit each other."""

import torch
from torch import Tensor

#: Axis of a layer's neurons in a current [B, n] or [B, C, H, W]: maps compete at each place of an image by itself.
UNITS = 1


def k_largest(values: Tensor, count: int, axis: int = UNITS) -> Tensor:
    """Whether a value is one of the ``count`` largest along ``axis``, bool; all that equal the last of them are."""
    least = values.topk(min(count, values.shape[axis]), axis).values.narrow(axis, -1, 1)
    return values >= least


def winners_of(values: Tensor, count: int, axis: int = UNITS) -> Tensor:
    """As ``k_largest``, but exactly ``count``, whichever of equal ones."""
    places = values.detach().topk(min(count, values.shape[axis]), axis).indices
    return torch.zeros_like(values, dtype=torch.bool, requires_grad=False).scatter(axis, places, True)
