"""Which steps of padded sequences count."""

import torch
from torch import Tensor

from spikelearn.checks import check_shape, check_tensor


def check_lengths(lengths: Tensor, steps: int, batch: int) -> None:
    """Raise ValueError unless ``lengths`` are whole numbers [B] from 1 to T."""
    check_tensor("lengths", lengths, "steps of each sample, int64 [B]")
    check_shape("lengths", lengths, (batch,), "the number of steps of each sample, [B]")
    if lengths.dtype != torch.int64:
        raise ValueError(f"lengths have type {lengths.dtype}, expected whole numbers of type int64: use .long()")
    lowest, highest = (int(end) for end in torch.aminmax(lengths))
    if lowest < 1 or highest > steps:
        raise ValueError(
            f"lengths go from {lowest} to {highest}, expected 1 to {steps}, the steps that inputs [T, B, ...] have"
        )


def check_valid(valid: Tensor, steps: int, batch: int) -> None:
    """Raise ValueError unless ``valid`` is a mask [T, B] that leaves each sample a step."""
    check_tensor("valid", valid, "True for every step that counts, bool [T, B]")
    if tuple(valid.shape) == (batch, steps) != (steps, batch):
        raise ValueError(
            f"valid has shape {list(valid.shape)}: this is batch first, expected time first, [T, B]: swap the axes "
            "with valid.transpose(0, 1)"
        )
    check_shape("valid", valid, (steps, batch), "True for every step that counts, [T, B]")
    if valid.dtype != torch.bool:
        raise ValueError(f"valid has type {valid.dtype}, expected torch.bool: convert it with .bool()")
    empty = (~valid.any(0)).nonzero()
    if len(empty):
        raise ValueError(
            f"valid leaves sample {int(empty[0])} of the batch no step, expected at least one: take the sample out"
        )


def valid_steps(steps: int, lengths: Tensor | None, valid: Tensor | None) -> Tensor | None:
    """The mask [T, B] of steps that count: below a sample's length, and valid; None: all do."""
    if lengths is None:
        return valid
    inside = torch.arange(steps, device=lengths.device).unsqueeze(1) < lengths
    return inside if valid is None else inside & valid
