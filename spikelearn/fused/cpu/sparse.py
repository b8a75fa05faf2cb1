"""The backward pass of a layer whose errors are mostly zero: what is not is listed, and carried as events with values.

With a surrogate of compact support psi(v - v_threshold) is exactly zero for most neurons and steps, and so is
p[t] = psi[t] dL/dz[t]. Where the reset subtracts and is not differentiated, and no gradient arrives in potentials, the
error at a membrane is e[t] = p[t] + decay e[t+1], the time-reversed trace of p: it need not be formed, for

    dW = gain sum_t e[t] (x) pre[t] = gain sum_t p[t] (x) trace(pre)[t],  dX = W^T gain e = reverse_trace(W^T gain p).

A reset to a value cuts the error at a spike, e[t] = p[t] + decay (1 - z[t]) e[t+1]: a filter of its own for every
neuron, which cannot stand on the other side. There, and with a differentiated reset, e is carried as it is.

Source: Perez-Nieves & Goodman, "Sparse Spiking Gradient Descent", NeurIPS 2021; deviation: the time filter is
moved to the other side of each sum, so that the errors stay sparse.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.event_products import gather_pieces
from spikelearn.events import Events
from spikelearn.fused.cpu.scan_settings import ScanSettings
from spikelearn.kernels.calling import array, share_threads

#: Share of errors near threshold above which dense errors and their product W^T e are cheaper; benchmarks/fast_paths.py
#: finds them as fast at about 30 %.
BREAK_EVEN = 0.25

#: Costs in dW, in units of one event that meets one dense error: a listed error that meets a trace, forming the trace,
#: and forming and reading a dense error. The first two were fitted to timed products, 128 to 784 wide; the last was set
#: by one layer timed within a network, where it cost less than half of what it does by itself.
LISTED, TRACED, FORMED = 1.2, 8.0, 25.0

#: Rows whose traces are formed before they are used.
TOGETHER = 512


class ErrorLists(NamedTuple):
    """The entries of gain p [T, B, size] that are not zero: those of row r, from ``starts[r]`` to ``ends[r]``.

    Args:
        columns: neuron of every entry, int32.
        values: what it is.
        starts, ends: of every row, [T * B].
        shape: (T, B, size).
        total: sum of the errors over time and samples, [size], if it was asked for.
    """

    columns: np.ndarray
    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    shape: torch.Size
    total: Tensor


class Needed(NamedTuple):
    """Which gradients are asked for."""

    pre: bool = False
    weight: bool = False
    bias: bool = False


def sparse_gradients(
    settings: ScanSettings, kept: Tensor, grad_spikes: Tensor, weight: Tensor, events: Events, needed: Needed
) -> tuple[Tensor | None, Tensor | None, Tensor | None] | None:
    """dX [T * B, n], dW and the bias's; None where dense errors are cheaper, for all or, in its place, for dW alone.

    Counts the errors in any case.
    """
    steps, batch, size = kept.shape
    rows = steps * batch
    most = most_errors(events, rows, size)
    lists = list_errors(settings, kept, grad_spikes, BREAK_EVEN if needed.pre else most, summed=needed.bias)
    if lists is None:
        return None
    decay, active = settings.numbers[0], int((lists.ends - lists.starts).sum())
    few = active <= most * rows * size
    return (
        pull_back(lists, weight, decay) if needed.pre else None,
        correlate_errors(lists, events, weight, decay) if needed.weight and few else None,
        lists.total if needed.bias else None,
    )


def most_errors(events: Events, rows: int, size: int) -> float:
    """Share of listed errors, [rows, size], above which dW costs less from events and dense errors."""
    by_events = (len(events.columns) / rows + FORMED) / events.shape[1]
    return min(BREAK_EVEN, max(0.0, (by_events - TRACED / size) / LISTED))


def list_errors(
    settings: ScanSettings, kept: Tensor, grad_spikes: Tensor, most: float, *, summed: bool
) -> ErrorLists | None:
    """gain p as lists; None where they are more than the share ``most``. Counts them in either case.

    ``kept`` are potentials, or derivatives as bytes.
    """
    from spikelearn.fused.cpu import sparse_errors
    from spikelearn.kernels.bits import LOOKED_AT

    decay, gain, *_ = settings.numbers
    steps, batch, size = kept.shape
    parts = min(batch, share_threads())
    room = int(most * steps * -(-batch // parts) * size) + LOOKED_AT
    columns, values = np.zeros(parts * room, np.int32), np.empty(parts * room, decay.dtype)
    starts, ends = np.empty((2, steps * batch), np.int64)
    near, total = np.empty(parts, np.int64), torch.zeros(parts, size if summed else 0, dtype=settings.dtype)
    ages = np.cumsum(float(decay) ** np.arange(steps)).astype(values.dtype)
    given = grad_spikes[:1] if grad_spikes.stride(0) == 0 else grad_spikes
    sparse_errors.list_errors(
        array(kept),
        array(given.contiguous()),
        settings.center,
        gain,
        settings.near,
        ages,
        room,
        columns,
        values,
        starts,
        ends,
        near,
        array(total),
    )
    if settings.count is not None:
        settings.count.active, settings.count.entries = int(np.where(near < 0, -1 - near, near).sum()), kept.numel()
    return None if (near < 0).any() else ErrorLists(columns, values, starts, ends, kept.shape, total.sum(0))


def pull_back(lists: ErrorLists, weight: Tensor, decay: float) -> Tensor:
    """dX = W^T e, [T * B, n]."""
    from spikelearn.fused.cpu import sparse_errors

    _, batch, _ = lists.shape
    grad = weight.new_zeros(len(lists.starts), weight.shape[1])
    pieces, _none = gather_pieces(weight.t(), None)
    sparse_errors.pull_back(*lists[:4], pieces, decay, batch, min(batch, share_threads()), array(grad))
    return grad


def correlate_errors(lists: ErrorLists, events: Events, like: Tensor, decay: float) -> Tensor:
    """dW = sum over rows of e (x) pre, shaped like ``like``, at a cost that follows the errors."""
    from spikelearn.fused.cpu import sparse_errors
    from spikelearn.kernels.doors import vouch

    steps, batch, size = lists.shape
    sums, together = torch.empty_like(like), max(1, TOGETHER // batch)
    listed = int((lists.ends - lists.starts).sum())
    places = np.empty(-(-steps // together) * (size + 1), np.int64)
    by_column, by_value = np.empty(listed, np.int32), np.empty(listed, lists.values.dtype)
    sparse_errors.turn(*lists[:4], together * batch, batch, places, by_column, by_value)
    vouch(places, listed)
    vouch(by_column, (together + 1) * batch)
    sparse_errors.correlate_errors(
        by_column,
        by_value,
        places,
        events.columns,
        events.offsets,
        decay,
        batch,
        together,
        share_threads(),
        array(sums),
    )
    return sums
