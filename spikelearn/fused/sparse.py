"""The backward pass of a layer whose errors are mostly zero: what is not is listed, and carried as events with values.

With a surrogate of compact support psi(v - v_threshold) is exactly zero for most neurons and steps, and so is
p[t] = psi[t] dL/dz[t]. Where the reset subtracts and is not differentiated, and no gradient arrives in potentials, the
error at a membrane is e[t] = p[t] + decay e[t+1], the time-reversed trace of p: it need not be formed, for

    dW = gain sum_t e[t] (x) pre[t] = gain sum_t p[t] (x) trace(pre)[t],  dX = W^T gain e = reverse_trace(W^T gain p).

A reset to a value cuts the error at a spike, e[t] = p[t] + decay (1 - z[t]) e[t+1]: a filter of its own for every
neuron, which cannot stand on the other side. There, and with a differentiated reset, e is carried as it is.

Source: Perez-Nieves & Goodman, "Sparse Spiking Gradient Descent", NeurIPS 2021; deviation: they leave out the error
that is not near threshold, here nothing is left out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelearn.events import Events, gather_pieces
from spikelearn.fused.cpu import Settings, array, share_threads

#: Share of active errors above which the dense product W^T e is cheaper (benchmarks/fast_paths.py).
BREAK_EVEN = 0.15

#: What an active error costs in dW, with the trace it meets, in units of an event that meets a dense error.
COST = 1.5

#: Rows whose traces are formed before they are used.
TOGETHER = 512


@dataclass
class ErrorCount:
    """How many entries of a record had a surrogate derivative that is not zero; filled by the backward pass."""

    active: int = 0
    entries: int = 0

    @property
    def share(self) -> float:
        """0 where nothing was counted."""
        return self.active / max(1, self.entries)


class ErrorLists(NamedTuple):
    """The entries of gain p [T, B, size] that are not zero: those of row r, from ``starts[r]`` to ``ends[r]``."""

    columns: np.ndarray
    values: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    shape: torch.Size
    total: Tensor
    """Sum of the errors over time and samples, [size], if it was asked for."""

    @property
    def active(self) -> int:
        return int((self.ends - self.starts).sum())


def list_errors(
    settings: Settings, v: Tensor, grad_spikes: Tensor, most: float, *, summed: bool
) -> tuple[ErrorLists | None, int]:
    """gain p as lists; None where more than the share ``most`` are near threshold; and how many are."""
    from spikelearn.fused import numba_sparse

    decay, gain, _, threshold, *_ = settings.numbers
    steps, batch, size = v.shape
    real, parts = v.dtype, min(batch, share_threads())
    room = int(most * steps * -(-batch // parts) * size) + numba_sparse.LOOKED_AT
    columns, values = np.empty(parts * room, np.int32), np.empty(parts * room, array(v).dtype)
    starts, ends = np.empty((2, steps * batch), np.int64)
    near, total = np.empty(parts, np.int64), torch.zeros(parts, size if summed else 0, dtype=real)
    ages = np.cumsum(float(decay) ** np.arange(steps)).astype(values.dtype)
    given = grad_spikes[:1] if grad_spikes.stride(0) == 0 else grad_spikes
    numba_sparse.list_errors(
        array(v),
        array(given.contiguous()),
        threshold,
        gain,
        settings.surrogate,
        ages,
        room,
        columns,
        values,
        starts,
        ends,
        near,
        array(total),
    )
    found = int(np.where(near < 0, -1 - near, near).sum())
    return (None if (near < 0).any() else ErrorLists(columns, values, starts, ends, v.shape, total.sum(0))), found


def count_near(settings: Settings, v: Tensor) -> int:
    """How many entries of v have a surrogate derivative that is not zero."""
    from spikelearn.fused import numba_sparse

    near = np.empty(share_threads(), np.int64)
    numba_sparse.count_near(array(v).reshape(-1), settings.numbers[3], settings.surrogate[1], near)
    return int(near.sum())


def pull_back(lists: ErrorLists, weight: Tensor, decay: float) -> Tensor:
    """dX = W^T e, [T * B, n]."""
    from spikelearn.fused import numba_sparse

    _, batch, _ = lists.shape
    grad = weight.new_zeros(len(lists.starts), weight.shape[1])
    pieces, _none = gather_pieces(weight.t(), None)
    numba_sparse.pull_back(*lists[:4], pieces, decay, batch, min(batch, share_threads()), array(grad))
    return grad


def correlate_errors(lists: ErrorLists, events: Events, like: Tensor, decay: float) -> Tensor:
    """dW = sum over rows of e (x) pre, shaped like ``like``, at a cost that follows the errors."""
    from spikelearn.fused import numba_sparse

    _, batch, _ = lists.shape
    sums, together = torch.empty_like(like), max(1, TOGETHER // batch)
    numba_sparse.correlate_errors(
        *lists[:4], events.columns, events.offsets, decay, batch, together, share_threads(), array(sums)
    )
    return sums
