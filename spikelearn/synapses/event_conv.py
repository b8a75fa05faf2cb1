"""Convolution of a sparse record at a cost that follows its events, forward and in the weights.

The derivative in the input has no events to follow and stays dense.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import grad

from spikelearn.checks import check_shape
from spikelearn.fast_path import is_plain, is_watched, refuse_second_derivative
from spikelearn.kernels.calling import array, flat, share_threads
from spikelearn.synapses.structure import is_hooked

#: Share of active entries above which the dense gradient in the weights is cheaper (benchmarks/fast_paths.py).
GRADIENT_BREAK_EVEN = 0.5

#: Least weights that an event meets in a row of its window, and least entries of a record, for it to be worth it.
LEAST_ROW, SMALLEST = 64, 1 << 16


def forward_break_even(channels: int) -> float:
    """Share of active entries above which the dense convolution is cheaper (benchmarks/fast_paths.py).

    Events of several channels at one place are added up together; with few channels each of them stands alone.
    """
    return min(0.3, max(0.1, channels / 50))


def event_conv(conv: nn.Conv2d, rows: Tensor, spikes: Tensor | None = None) -> Tensor | None:
    """``conv`` of ``rows`` [N, C, H, W]; None where the dense convolution is cheaper, or needed.

    Args:
        conv: the module, reparametrised or not.
        rows: of floating point, or spikes as bytes.
        spikes: the same entries as bytes, where they are known.
    """
    given = [rows, conv.weight] if conv.bias is None else [rows, conv.weight, conv.bias]
    if not _is_known(conv, rows) or not all(map(is_plain, given)):
        return None
    active = rows.detach() if spikes is None else spikes.view(rows.shape)
    share = _share(active)
    learns = torch.is_grad_enabled() and conv.weight.requires_grad
    forward = share <= forward_break_even(conv.in_channels)
    if not forward and not (learns and share <= GRADIENT_BREAK_EVEN):
        return None
    current: Tensor = _EventConv.apply(rows, conv.weight, conv.bias, active, conv.stride, conv.padding, forward)
    return current


def correlate_conv(conv: nn.Conv2d, rows: Tensor, post: Tensor) -> tuple[Tensor, Tensor] | None:
    """Sums of ``post`` [N, M, y, x] over what ``rows`` meets, shaped as weight and bias; None as ``event_conv``."""
    if not _is_known(conv, rows) or not all(map(is_plain, (rows, post, conv.weight))):
        return None
    if post.dtype != conv.weight.dtype or _share(rows) > GRADIENT_BREAK_EVEN:
        return None
    expected = (len(rows), conv.out_channels, *_size(rows, conv))
    check_shape("post", post, expected, "one value per neuron of the synapse's target")
    return _correlate(rows.detach(), post.detach(), conv.weight.shape, conv.stride, conv.padding)  # type: ignore[arg-type]


def _share(rows: Tensor) -> float:
    # A tenth of the time of torch's count_nonzero.
    return int(np.count_nonzero(flat(rows) != 0)) / rows.numel()


def _is_known(conv: nn.Conv2d, rows: Tensor) -> bool:
    """Tell whether ``conv`` is one that the kernels do, and large enough for them."""
    weight = conv.weight
    plain = conv.groups == 1 and conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    if not plain or isinstance(conv.padding, str) or is_hooked(conv) or torch.is_autocast_enabled("cpu"):
        return False
    own = type(conv).forward is nn.Conv2d.forward and type(conv)._conv_forward is nn.Conv2d._conv_forward
    if not own or rows.ndim != 4 or rows.shape[1] != conv.in_channels or min(_size(rows, conv)) < 1:
        return False
    types = (weight.dtype, torch.uint8, torch.bool)
    fits = weight.dtype in (torch.float32, torch.float64) and rows.dtype in types
    large = conv.kernel_size[1] * conv.out_channels >= LEAST_ROW and rows.numel() >= SMALLEST
    free = not is_watched()
    return fits and large and rows.device.type == weight.device.type == "cpu" and free


class _EventConv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        active: Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
        by_events: bool,
    ) -> Tensor:
        ctx.save_for_backward(weight, active)
        ctx.stride, ctx.padding = stride, padding
        if by_events:
            return _convolve(active, weight, bias, stride, padding)
        return torch.conv2d(rows.to(weight.dtype), weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        weight, active = ctx.saved_tensors
        needs_rows, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        back = by_weight = by_bias = None
        if needs_rows:
            back = grad.conv2d_input(active.shape, weight, post, ctx.stride, ctx.padding)
        if needs_weight:
            by_weight, by_bias = _correlate(active, post, weight.shape, ctx.stride, ctx.padding)
        elif needs_bias:
            by_bias = post.sum((0, 2, 3))
        return back, by_weight, by_bias if needs_bias else None, None, None, None, None


def _convolve(
    active: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    # Imported when it is first needed: numba takes longer to import than most commands to run.
    from spikelearn.kernels.conv import convolve

    maps, kernel = weight.shape[0], (int(weight.shape[2]), int(weight.shape[3]))
    size = _sizes(active, kernel, stride, padding)
    out = weight.new_empty(len(active), maps, *size)
    order, starts = _columns(kernel[1], stride[1])
    packed = weight.detach()[:, :, :, order].permute(1, 2, 3, 0).contiguous()
    start = weight.new_zeros(maps) if bias is None else bias.contiguous()
    geometry = (*stride, *padding, *kernel, *size)
    rows = flat(active.to(weight.dtype))
    convolve(rows, tuple(active.shape), flat(packed), array(start), geometry, starts, share_threads(), flat(out))
    return out


def _correlate(
    active: Tensor, post: Tensor, shape: torch.Size, stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    from spikelearn.kernels.conv import correlate

    maps, channels, *kernel = shape
    order, starts = _columns(kernel[1], stride[1])
    threads = share_threads()
    sums, biases = post.new_zeros(threads, channels * kernel[0] * kernel[1] * maps), post.new_zeros(threads, maps)
    geometry = (*stride, *padding, *kernel, *post.shape[2:])
    given = flat(active.to(post.dtype)), tuple(active.shape), flat(post)
    correlate(*given, geometry, starts, threads, flat(sums), flat(biases))
    by_weight = torch.empty_like(sums[0]).view(channels, *kernel, maps)
    by_weight[:, :, order] = sums.sum(0).view_as(by_weight)
    return by_weight.permute(3, 0, 1, 2).contiguous(), biases.sum(0)


def _columns(kernel: int, stride: int) -> tuple[list[int], Any]:
    """Columns of a window by residue, each reversed, and where every residue begins."""
    order = sorted(range(kernel), key=lambda column: (column % stride, -column))
    starts = [sum(column % stride < residue for column in order) for residue in range(stride + 1)]
    return order, np.array(starts)


def _size(rows: Tensor, conv: nn.Conv2d) -> tuple[int, int]:
    return _sizes(rows, conv.kernel_size, conv.stride, conv.padding)  # type: ignore[arg-type]


def _sizes(rows: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]) -> tuple[int, int]:
    y, x = ((rows.shape[2 + d] + 2 * padding[d] - kernel[d]) // stride[d] + 1 for d in range(2))
    return y, x
