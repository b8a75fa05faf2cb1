"""Currents that arrive at the neurons of a block: one, or several by name."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import one_of
from spikelearn.network.block import Block
from spikelearn.network.masks_and_delays import added, injected

Tensors = Mapping[str, Tensor]


def joined(
    block: Block,
    current: Tensor,
    others: dict[str, Tensor],
    into: str | None,
    more: Tensor,
    masks: Tensors,
    place: str,
    *,
    steps: bool,
) -> Tensor:
    """The current of the block's own synapse, with what the edge ``place`` brings where it goes ``into`` that one.

    Where it goes into another, that is added to ``others``, {current: [T, B, ...] or [B, ...]}.
    """
    if into is None or into == block.current:
        return added(current, more, masks, place, steps=steps)
    others[into] = added(others.get(into, torch.zeros_like(current)), more, masks, place, steps=steps)
    return current


def arriving(block: Block, current: Tensor, others: Tensors, inject: Tensors, name: str) -> Any:
    """The input of the neurons of block ``name``: their one current, or {name: current}, with what is injected."""
    current = injected(current, inject, name)
    known = block.neuron.currents
    if len(known) == 1:
        return current
    silent = torch.zeros_like(current)
    currents = {own: injected(others.get(own, silent), inject, f"{name}.{own}") for own in known}
    return {**currents, block.current: current}


def canonical(blocks: Mapping[str, Block], inject: Tensors) -> Tensors:
    """``inject``, {block, or block.current: [...]}, with the current of a block's own synapse named by the block alone.

    Raises:
        ValueError: an unknown block or current; one that is named twice.
    """
    currents: dict[str, Tensor] = {}
    for place, current in inject.items():
        name, dot, own = place.partition(".")
        if name not in blocks:
            raise ValueError(f"inject names block {name!r}, expected {one_of(name, list(blocks))}")
        if dot:
            blocks[name].check_current(f"inject {place!r}", own)
            place = name if own == blocks[name].current else place
        if place in currents:
            raise ValueError(f"inject names the current {blocks[name].current!r} of block {name!r} twice: add them up")
        currents[place] = current
    return currents
