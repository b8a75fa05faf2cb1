"""Convolution of a sparse record at a cost that follows its events, where nobody differentiates."""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from spikelearn.events import is_plain

#: Share of active entries above which the dense convolution is cheaper (benchmarks/fast_paths.py).
CONV_BREAK_EVEN = 0.12

#: Least weights that an event meets in a row of its window, and least entries of a record, for it to be worth it.
LEAST_ROW, SMALLEST = 64, 1 << 16


def event_forward(synapse: nn.Module, rows: Tensor) -> Tensor | None:
    """``synapse`` of ``rows`` [N, C, H, W] where it is a convolution, or begins with one; None as ``event_conv``."""
    if type(synapse) is not nn.Sequential or not len(synapse):
        return event_conv(synapse, rows)
    if _is_hooked(synapse):
        return None
    current = event_conv(synapse[0], rows)
    if current is not None:
        for layer in list(synapse)[1:]:
            current = layer(current)
    return current


def event_conv(conv: nn.Module, rows: Tensor) -> Tensor | None:
    """``conv`` of ``rows`` [N, C, H, W] without derivatives; None where the dense convolution is cheaper, or needed."""
    if not isinstance(conv, nn.Conv2d) or not _is_simple(conv) or rows.ndim != 4 or rows.numel() < SMALLEST:
        return None
    weight = conv.weight
    given = [rows, weight] if conv.bias is None else [rows, weight, conv.bias]
    differentiated = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    if differentiated or rows.device.type != "cpu" or not all(map(is_plain, given)):
        return None
    fits = rows.shape[1] == conv.in_channels and rows.dtype == weight.dtype in (torch.float32, torch.float64)
    if not fits or int(rows.count_nonzero()) > CONV_BREAK_EVEN * rows.numel():
        return None
    with torch.no_grad():
        current = _scattered(rows.contiguous(), weight, conv.stride, conv.padding)  # type: ignore[arg-type]
        return current if conv.bias is None else current.add_(conv.bias.view(1, -1, 1, 1))


def _is_simple(conv: nn.Conv2d) -> bool:
    plain = conv.groups == 1 and conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    own = type(conv).forward is nn.Conv2d.forward and not _is_hooked(conv)
    wide = conv.kernel_size[1] * conv.out_channels >= LEAST_ROW
    return plain and own and wide and not isinstance(conv.padding, str)


def _is_hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _scattered(rows: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    # Imported when it is first needed: numba takes longer to import than most commands to run.
    from spikelearn.synapses.scatter import scatter

    size = [(rows.shape[2 + d] + 2 * padding[d] - weight.shape[2 + d]) // stride[d] + 1 for d in range(2)]
    out = rows.new_empty(len(rows), weight.shape[0], *size)
    # Output channels last and columns reversed: what one event adds to one row of the output lies in one piece.
    packed = weight.detach().flip(3).permute(1, 2, 3, 0).contiguous().numpy()
    threads = max(1, min(torch.get_num_threads(), len(rows)))
    parts = list(zip(rows.detach().tensor_split(threads), out.tensor_split(threads), strict=True))

    def work(part: tuple[Tensor, Tensor]) -> None:
        scatter(part[0].numpy(), packed, stride[0], stride[1], padding[0], padding[1], part[1].numpy())

    if threads == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    return out
