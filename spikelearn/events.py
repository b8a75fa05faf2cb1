"""Event lists of binary records: what was active, row by row.

Packing is invisible: the lists are kept on the very tensor they describe, with its version number, so an
operation (a new tensor) has none and an in-place write makes them stale.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

#: Share of active entries above which the dense product is cheaper, packing included (benchmarks/fast_paths.py).
BREAK_EVEN = 0.1

#: Share of non-zero factors above which ``gated_outer_product`` takes the dense product. Measured at [1000, 1600] by
#: [1000, 784], float32, one thread: 4, 6, 11 ms at 0.2, 1, 5 % against 26 ms dense, equal at 15 % (float64: 10 %).
GATED_BREAK_EVEN = 0.1

#: Below this number of entries a dense product costs less than looking at the record.
SMALLEST = 1 << 16


class Events(NamedTuple):
    """Active columns of a binary record [T, B, n], rows counted over T*B.

    Args:
        columns: column of every event, row after row, int64 [events].
        rows: row of every event, ascending, int64 [events].
        offsets: index of the first event of every row, int64 [T*B].
        shape: (T*B, n).
    """

    columns: Tensor
    rows: Tensor
    offsets: Tensor
    shape: tuple[int, int]


@dataclass
class _Kept:
    """Lists (or None: dense is cheaper) found for one tensor at one version; copies and files leave them out."""

    owner: int
    version: int
    events: Events | None

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, ()


def events_of(record: Tensor) -> Events | None:
    """The events of ``record`` [T, B, n]; None where dense is cheaper or the fast path must step aside.

    None is the answer for records that are small, not binary, above the break-even activity, shaped like
    images, subclasses of Tensor, made in inference mode, or tracked by forward-mode differentiation.
    """
    if record.ndim != 3 or record.numel() < SMALLEST or record.is_inference() or not is_plain(record):
        return None
    kept = getattr(record, "_spikelearn_events", None)
    if not isinstance(kept, _Kept) or (kept.owner, kept.version) != (id(record), record._version):
        kept = _Kept(id(record), record._version, _pack(record.detach()))
        record._spikelearn_events = kept  # type: ignore[attr-defined]
    return kept.events


def is_plain(tensor: Tensor) -> bool:
    """Whether only reverse-mode differentiation looks at ``tensor``; fast paths know nothing else."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and forward_ad.unpack_dual(tensor).tangent is None
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def refuse_second_derivative() -> None:
    """Raise RuntimeError inside a hand-written backward pass that is itself being differentiated."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "fast paths are differentiated once: for second derivatives use adjoint.sequence and the synapse itself"
        )


def gather(weight: Tensor, events: Events) -> Tensor:
    """Dense product of the record with ``weight``: [out, n] -> [T*B, out], at a cost that follows the events."""
    return torch.nn.functional.embedding_bag(events.columns, weight.t().contiguous(), events.offsets, mode="sum")


def outer_product(events: Events, post: Tensor) -> Tensor:
    """Sum over rows of post (x) record: ``post`` [T*B, out] -> [out, n]."""
    by_column = torch.argsort(events.columns, stable=True)
    counts = torch.bincount(events.columns, minlength=events.shape[1])
    offsets = counts.cumsum(0) - counts
    bags = torch.nn.functional.embedding_bag(events.rows[by_column], post, offsets, mode="sum")
    return bags.t()


def gated_outer_product(record: Tensor, factor: Tensor, pre: Tensor) -> Tensor:
    """Sum over t, b of (factor[b] where record[t, b] is not 0) (x) pre[t, b]: quick where few records meet a factor.

    Args:
        record: what gates, nowhere negative, [T, B, out].
        factor: signed values, constant in time, [B, out].
        pre: the dense side, [T, B, n].

    Shapes: result [out, n].
    """
    steps, batch, size = record.shape
    columns, samples = ((factor != 0) & (record.sum(0) != 0)).t().nonzero(as_tuple=True)
    place, step = record[:, samples, columns].t().nonzero(as_tuple=True)
    rows = pre.flatten(0, 1)
    if len(place) > GATED_BREAK_EVEN * record.numel() or not is_plain(pre):
        return ((record != 0) * factor).flatten(0, 1).t() @ rows
    counts = torch.bincount(columns[place], minlength=size)
    return torch.nn.functional.embedding_bag(
        step * batch + samples[place],
        rows,
        counts.cumsum(0) - counts,
        mode="sum",
        per_sample_weights=factor[samples, columns][place],
    )


def _pack(record: Tensor) -> Events | None:
    rows = record.flatten(0, 1)
    active = rows != 0
    if int(active.sum()) > BREAK_EVEN * rows.numel():
        return None
    row, column = active.nonzero(as_tuple=True)
    if not bool((rows[row, column] == 1).all()):
        return None
    counts = torch.bincount(row, minlength=rows.shape[0])
    return Events(column, row, counts.cumsum(0) - counts, (rows.shape[0], rows.shape[1]))
