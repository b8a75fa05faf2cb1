"""Masks and delays of a record on its way from one block to the next."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from spikelearn.checks import check_shape
from spikelearn.network.block import Edge
from spikelearn.synapses import drive


def masked(x: Tensor, masks: Mapping[str, Tensor], place: str, *, steps: bool) -> Tensor:
    """x times the mask of its place, if there is one; x is [T, B, ...] with ``steps``, else [B, ...]."""
    mask = masks.get(place)
    if mask is None:
        return x
    check_mask(place, mask, x.shape[1:] if steps else x.shape)
    return x * (mask.to(x.dtype) if mask.is_floating_point() and x.is_floating_point() else mask)


def check_mask(place: str, mask: Tensor, sample: Sequence[int]) -> None:
    """Raise ValueError for a mask that does not fit what arrives at its place, [B, ...]."""
    fits = all(own in (1, edge) for own, edge in zip(mask.shape, sample, strict=False))
    if mask.ndim != len(sample) or mask.shape[0] != sample[0] or not fits:
        raise ValueError(
            f"mask {place!r} has shape {list(mask.shape)}, expected {list(sample)}: one factor for each sample and "
            "place, [B, ...]"
        )


def injected(current: Tensor, inject: Mapping[str, Tensor], name: str) -> Tensor:
    """The current of block ``name`` with what is injected into it."""
    if name not in inject:
        return current
    check_shape(f"current injected into {name!r}", inject[name], current.shape, "that of the block's own current")
    return current + inject[name].to(current.dtype)


def delayed(x: Tensor, delay: int, line: Tensor | None) -> tuple[Tensor, Tensor]:
    """x [T, B, ...] ``delay`` steps late, and the new line of what is still on its way, oldest first."""
    if line is None:
        line = x.new_zeros(delay, *x.shape[1:])
    check_shape("delay line", line, (delay, *x.shape[1:]), "start a new batch with state=None")
    joined = torch.cat([line, x])
    return joined[: x.shape[0]], joined[x.shape[0] :]


def drive_edge(name: str, edge: Edge, pre: Tensor) -> Tensor:
    """``drive``, with the block or edge named where the synapse cannot take the record, or is none."""
    edge.try_synapse(name, pre)
    try:
        return drive(edge.synapse, pre)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def added(current: Tensor, more: Tensor, masks: Mapping[str, Tensor], place: str, *, steps: bool) -> Tensor:
    """The current of a block with what the edge ``place`` brings, times the mask of that place."""
    if more.shape != current.shape:
        raise ValueError(
            f"{place} brings a current of shape {list(more.shape)}, expected {list(current.shape)} as the block's own "
            "synapse does: one value per neuron"
        )
    return current + masked(more, masks, place, steps=steps)
