"""Pooling over windows that do not overlap, forward and backward in one pass over the record each."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.fast_path import is_plain, refuse_second_derivative
from spikelearn.kernels.calling import flat
from spikelearn.synapses.pooling import SumPool2d
from spikelearn.synapses.structure import is_hooked

#: Least entries of a record for a kernel to be worth its call.
SMALLEST = 1 << 14

#: Largest area of a window: places in it are kept as bytes.
LARGEST = 256


def window_pool(pool: nn.Module, rows: Tensor, spikes: Tensor | None = None) -> Tensor | None:
    """``pool`` of ``rows`` [N, C, H, W], values and gradients as torch's; None where it is not for the kernels.

    Args:
        pool: MaxPool2d, AvgPool2d or SumPool2d.
        rows: of floating point; the largest of bytes are bytes, which are not averaged.
        spikes: the same entries as bytes, where they are known: a quarter of the memory to go through.
    """
    window = _window(pool)
    if window is None or is_hooked(pool) or rows.ndim != 4 or rows.numel() < SMALLEST or rows.device.type != "cpu":
        return None
    types = (torch.float32, torch.float64, *((torch.uint8, torch.bool) if isinstance(pool, nn.MaxPool2d) else ()))
    fills = rows.shape[2] >= window[0] and rows.shape[3] >= window[1]
    if rows.dtype not in types or not fills or not is_plain(rows):
        return None
    if isinstance(pool, nn.MaxPool2d):
        pooled: Tensor = _MaxPool.apply(rows, rows.detach() if spikes is None else spikes, window)
        return pooled
    average: Tensor = _MeanPool.apply(rows, window, float(_divisor(pool, window)))
    return average if not isinstance(pool, SumPool2d) or pool.gain == 1.0 else pool.gain * average


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, active: Tensor, window: tuple[int, int]) -> Tensor:
        from spikelearn.kernels.pool import largest, largest_of_four

        ctx.shape, ctx.window = rows.shape, window
        out = rows.new_empty(_pooled(rows.shape, window))
        where = torch.empty_like(out, dtype=torch.uint8)
        ctx.save_for_backward(where)
        if window == (2, 2):
            largest_of_four(flat(active), _planes(rows.shape), flat(out), flat(where))
        else:
            largest(flat(active), _planes(rows.shape), window, flat(out), flat(where))
        return out

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor, None, None]:
        refuse_second_derivative()
        from spikelearn.kernels.pool import put_back

        (where,) = ctx.saved_tensors
        back = post.new_empty(ctx.shape)
        shifts = np.array([y * ctx.shape[3] + x for y in range(ctx.window[0]) for x in range(ctx.window[1])])
        put_back(flat(post), flat(where), _planes(ctx.shape), ctx.window, shifts, flat(back))
        return back, None, None


class _MeanPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, window: tuple[int, int], divisor: float) -> Tensor:
        from spikelearn.kernels.pool import averages

        ctx.shape, ctx.window, ctx.divisor = rows.shape, window, divisor
        out, given = rows.new_empty(_pooled(rows.shape, window)), flat(rows)
        averages(given, _planes(rows.shape), window, given.dtype.type(divisor), flat(out))
        return out

    @staticmethod
    def backward(ctx: Any, post: Tensor) -> tuple[Tensor, None, None]:
        refuse_second_derivative()
        from spikelearn.kernels.pool import spread

        back, given = post.new_empty(ctx.shape), flat(post)
        spread(given, _planes(ctx.shape), ctx.window, given.dtype.type(ctx.divisor), flat(back))
        return back, None, None


def _window(pool: nn.Module) -> tuple[int, int] | None:
    """The window (y, x) of a pool whose windows neither overlap nor reach over the edge; None for any other."""
    if type(pool) not in (nn.MaxPool2d, nn.AvgPool2d, SumPool2d):
        return None
    assert isinstance(pool, nn.MaxPool2d | nn.AvgPool2d | SumPool2d)
    window, stride = _pair(pool.kernel_size), _pair(pool.stride)
    inside = _pair(getattr(pool, "padding", 0)) == (0, 0) and not getattr(pool, "ceil_mode", False)
    whole = _pair(getattr(pool, "dilation", 1)) == (1, 1) and not getattr(pool, "return_indices", False)
    return window if window == stride and inside and whole and window[0] * window[1] <= LARGEST else None


def _divisor(pool: nn.Module, window: tuple[int, int]) -> int:
    if isinstance(pool, SumPool2d):
        return 1
    assert isinstance(pool, nn.AvgPool2d)
    return pool.divisor_override or window[0] * window[1]


def _pair(size: Any) -> tuple[int, int]:
    y, x = (size, size) if isinstance(size, int) else size
    return int(y), int(x)


def _pooled(shape: torch.Size, window: tuple[int, int]) -> tuple[int, int, int, int]:
    return shape[0], shape[1], shape[2] // window[0], shape[3] // window[1]


def _planes(shape: torch.Size) -> tuple[int, int, int]:
    return shape[0] * shape[1], shape[2], shape[3]
