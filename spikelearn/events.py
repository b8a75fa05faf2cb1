"""Event lists of binary records: what was active, row by row.

Packing is invisible: the lists are kept on the very tensor they describe, with its version number, so an
operation (a new tensor) has none and an in-place write makes them stale.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _get_current_dispatch_mode

#: Share of active entries above which the dense product is cheaper, packing included (benchmarks/fast_paths.py).
BREAK_EVEN = 0.2

#: Share of non-zero factors above which ``gated_outer_product`` takes the dense product. Measured at [1000, 1600] by
#: [1000, 784], float32, one thread: 4, 6, 11 ms at 0.2, 1, 5 % against 26 ms dense, equal at 15 % (float64: 10 %).
GATED_BREAK_EVEN = 0.1

#: Below this number of entries a dense product costs less than looking at the record.
SMALLEST = 1 << 16

#: Rows looked at before a record of floating point is read as a whole: few are enough to tell grey levels from spikes.
SAMPLED = 16


#: Events of a column that ``outer_product`` sums together, on average.
EVENTS_TOGETHER = 32


class Events(NamedTuple):
    """Active columns of a binary record [T, B, ...], rows counted over T*B, columns over the rest.

    Args:
        columns: column of every event, row after row, ascending in each; uint16 or int32 [events].
        offsets: index of the first event of every row, and their number, int64 [T*B + 1].
        shape: (T*B, n).
    """

    columns: np.ndarray
    offsets: np.ndarray
    shape: tuple[int, int]


@dataclass
class _Kept:
    """What is known of one tensor at one version; copies and files leave it out."""

    owner: int
    version: int
    spikes: Tensor | None = None
    active: int | None = None
    events: Events | None = None
    packed: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, ()


def remember_spikes(record: Tensor, spikes: Tensor, active: int | None = None) -> None:
    """Keep with ``record`` that it is binary: its entries as bytes (uint8, 0 or 1, contiguous), and how many are 1."""
    record._spikelearn_events = _Kept(id(record), record._version, spikes, active)  # type: ignore[attr-defined]


def detached(record: Tensor) -> Tensor:
    """``record.detach()``, which is another tensor, with what is known of it."""
    cut, kept = record.detach(), _kept_of(record)
    if kept is not None:
        cut._spikelearn_events = replace(kept, owner=id(cut), version=cut._version)  # type: ignore[attr-defined]
    return cut


def share_active(record: Tensor) -> float:
    """Mean of a record of spikes, read off what is kept with it where something is."""
    kept = _kept_of(record)
    if kept is not None and kept.active is not None:
        return kept.active / record.numel()
    return float(record.detach().float().mean() if not record.is_floating_point() else record.detach().mean())


def events_of(record: Tensor) -> Events | None:
    """The events of ``record`` [T, B, ...]; None where dense is cheaper or the fast path must step aside.

    None is the answer for records that are small, not binary, above the break-even activity, not on the CPU,
    subclasses of Tensor, made in inference mode, or tracked by forward-mode differentiation; and without numba, or
    where products are watched.
    """
    if record.ndim < 3 or record.numel() < SMALLEST or record.device.type != "cpu":
        return None
    if record.is_inference() or not is_plain(record) or not has_numba() or is_watched():
        return None
    kept = _kept_of(record)
    if kept is None:
        kept = _Kept(id(record), record._version)
        record._spikelearn_events = kept  # type: ignore[attr-defined]
    if not kept.packed:
        kept.events, kept.packed = _pack(record.detach(), kept.spikes), True
    return kept.events


def spikes_of(record: Tensor) -> Tensor | None:
    """``record`` as bytes where it is known to be binary without looking at it: kept with it, or bytes itself."""
    if record.dtype in (torch.bool, torch.uint8):
        return record.view(torch.uint8)
    kept = _kept_of(record)
    return None if kept is None else kept.spikes


@cache
def has_numba() -> bool:
    """Whether kernels can be compiled here."""
    return find_spec("numba") is not None


def is_plain(tensor: Tensor) -> bool:
    """Whether only reverse-mode differentiation looks at ``tensor``; fast paths know nothing else, nor do compilers."""
    return (
        not torch.compiler.is_compiling()
        and type(tensor) in (Tensor, torch.nn.Parameter)
        and forward_ad.unpack_dual(tensor).tangent is None
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def is_watched() -> bool:
    """Whether a torch dispatch mode looks at every operation; it must see products, so kernels leave them to torch."""
    return _get_current_dispatch_mode() is not None


def refuse_second_derivative() -> None:
    """Raise RuntimeError inside a hand-written backward pass that is itself being differentiated."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "fast paths are differentiated once: for second derivatives use adjoint.sequence and the synapse itself"
        )


def gather(weight: Tensor, bias: Tensor | None, events: Events) -> Tensor:
    """Dense product of the record with ``weight``: [out, n] -> [T*B, out], at a cost that follows the events."""
    from spikelearn import event_kernels as kernels
    from spikelearn.compiled import array, share_threads

    out = weight.new_empty(events.shape[0], len(weight))
    pieces, start = gather_pieces(weight, bias)
    kernels.gather_rows(
        events.columns, events.offsets, pieces, start, len(weight), share_threads(), array(out).reshape(-1)
    )
    return out


def gather_pieces(weight: Tensor, bias: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """``weight`` [out, n] as kernels read it, a piece of every column's weights after the other; and the bias [out]."""
    from spikelearn.compiled import array
    from spikelearn.event_kernels import TILE

    size, size_in = weight.shape
    pieces, whole = weight.new_empty(-(-size // TILE), size_in, TILE), size // TILE * TILE
    pieces[: whole // TILE] = weight[:whole].view(-1, TILE, size_in).transpose(1, 2)
    if whole < size:
        pieces[-1, :, size - whole :] = 0
        pieces[-1, :, : size - whole] = weight[whole:].t()
    return array(pieces).reshape(-1), array(weight.new_zeros(size) if bias is None else bias)


def outer_product(events: Events, post: Tensor) -> Tensor:
    """Sum over rows of post (x) record: ``post`` [T*B, out] -> [out, n]."""
    sums = post.new_empty(events.shape[1], post.shape[1])
    add_outer_product(sums, events, 0, post, fresh=True)
    return sums.t().contiguous()


def add_outer_product(sums: Tensor, events: Events, first: int, post: Tensor, *, fresh: bool) -> None:
    """Add to ``sums`` [n, out] those of the rows from ``first`` on, as many as ``post`` [rows, out] has.

    With ``fresh`` what was in ``sums`` is not looked at.
    """
    from spikelearn import event_kernels as kernels
    from spikelearn.compiled import array, share_threads

    rows = len(post)
    offsets = events.offsets[first : first + rows + 1]
    # Few events a column and block would leave the sums no time in the registers.
    together = EVENTS_TOGETHER * rows * len(sums) // max(1, int(offsets[-1] - offsets[0]))
    together = min(1024, max(256, together))
    threads = share_threads()
    kernels.correlate_rows(
        events.columns, offsets, array(post.contiguous()), together, threads, fresh, array(sums).reshape(-1)
    )


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
    if len(place) > GATED_BREAK_EVEN * record.numel() or not is_plain(pre) or is_watched():
        return ((record != 0) * factor).flatten(0, 1).t() @ rows
    counts = torch.bincount(columns[place], minlength=size)
    return torch.nn.functional.embedding_bag(
        step * batch + samples[place],
        rows,
        counts.cumsum(0) - counts,
        mode="sum",
        per_sample_weights=factor[samples, columns][place],
    )


def _kept_of(record: Tensor) -> _Kept | None:
    kept = getattr(record, "_spikelearn_events", None)
    if not isinstance(kept, _Kept) or (kept.owner, kept.version) != (id(record), record._version):
        return None
    return kept


def _pack(record: Tensor, spikes: Tensor | None) -> Events | None:
    from spikelearn import event_kernels as kernels
    from spikelearn.compiled import share_threads

    rows = record.flatten(0, 1).flatten(1)
    if spikes is None:
        spikes = rows.view(torch.uint8) if rows.dtype in (torch.bool, torch.uint8) else _as_bytes(rows)
        if spikes is None:
            return None
    size = rows.shape[1]
    spikes = spikes.view(rows.shape)
    words = (F.pad(spikes, (0, -size % 8)) if size % 8 else spikes.contiguous()).numpy().view(np.uint64)
    share_threads()
    offsets = np.zeros(len(rows) + 1, np.int64)
    kernels.count_rows(words, offsets)
    np.cumsum(offsets, out=offsets)
    active = int(offsets[-1])
    if active > BREAK_EVEN * rows.numel():
        return None
    columns = np.empty(active, np.uint16 if size <= 1 << 16 else np.int32)
    kernels.list_rows(words, offsets, columns)
    return Events(columns, offsets, (len(rows), size))


def _as_bytes(rows: Tensor) -> Tensor | None:
    """``rows`` of floating point as bytes; None where they are not binary, or visibly not sparse."""
    from spikelearn import event_kernels as kernels
    from spikelearn.compiled import array, share_threads

    sample = rows[:: max(1, len(rows) // SAMPLED)]
    active = sample != 0
    if int(active.sum()) > 2 * BREAK_EVEN * active.numel() or not torch.equal(sample, active.to(rows.dtype)):
        return None
    spikes, binary = torch.empty(rows.shape, dtype=torch.uint8), np.empty(len(rows), np.bool_)
    share_threads()
    kernels.as_bytes(array(rows.contiguous()), array(spikes), binary)
    return spikes if binary.all() else None
