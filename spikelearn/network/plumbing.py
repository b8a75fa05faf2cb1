"""What happens to a record on its way from one block to the next."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spikelearn.checks import check_shape
from spikelearn.network.block import Block
from spikelearn.network.presentation import running_statistics
from spikelearn.synapses import drive


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """x times the mask of its place, if there is one."""
    return x if mask is None else x * mask


def delayed(x: Tensor, delay: int, line: Tensor | None) -> tuple[Tensor, Tensor]:
    """x [T, B, ...] ``delay`` steps late, and the new line of what is still on its way, oldest first."""
    if line is None:
        line = x.new_zeros(delay, *x.shape[1:])
    check_shape("delay line", line, (delay, *x.shape[1:]), "start a new batch with state=None")
    joined = torch.cat([line, x])
    return joined[: x.shape[0]], joined[x.shape[0] :]


def drive_block(name: str, synapse: nn.Module, pre: Tensor) -> Tensor:
    """``drive``, with the block or edge named where the synapse cannot take the record."""
    try:
        return drive(synapse, pre)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def block_shapes(blocks: Mapping[str, Block], x: Tensor) -> dict[str, tuple[int, ...]]:
    """Shape of every block's neurons, without the batch, found without computing anything."""
    found = {}
    image = torch.empty(x.shape, device="meta", dtype=x.dtype)
    for name, block in blocks.items():
        tensors = {**dict(block.synapse.named_parameters()), **dict(block.synapse.named_buffers())}
        on_meta = {key: torch.empty_like(value, device="meta") for key, value in tensors.items()}
        with running_statistics([block.synapse]), torch.no_grad():
            try:
                image = torch.func.functional_call(block.synapse, on_meta, (image,))
            except RuntimeError as error:
                raise ValueError(
                    f"block {name!r} cannot take an input of shape {[*image.shape]} ([B, ...]): {error}"
                ) from error
        found[name] = tuple(image.shape[1:])
    return found


def describe(network: nn.Module) -> dict[str, list[int]]:
    """Names and shapes of parameters and buffers: what two networks must share to exchange weights."""
    return {name: list(value.shape) for name, value in network.state_dict().items()}
