"""Event lists of binary records: what was active, row by row.

Packing is invisible: the lists are kept on the very tensor they describe, with its version number, so an
operation (a new tensor) has none and an in-place write makes them stale.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.fast_path import is_plain, is_watched
from spikelearn.kernels.calling import array

#: Share of active entries above which the dense product is cheaper, packing included (benchmarks/fast_paths.py).
BREAK_EVEN = 0.2

#: Below this number of entries a dense product costs less than looking at the record.
SMALLEST = 1 << 16

#: Rows looked at before a record of floating point is read as a whole: few are enough to tell grey levels from spikes.
SAMPLED = 16


#: Types of records that kernels look through for events.
BINARY = (torch.float32, torch.float64, torch.uint8, torch.bool)


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
    """Facts about one tensor at one version; copies and files leave them out."""

    owner: tuple[Any, ...]
    spikes: Tensor | None = None
    active: int | None = None
    events: Events | None = None
    packed: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, ()


def remember_spikes(record: Tensor, spikes: Tensor, active: int | None = None) -> None:
    """Keep with ``record`` that it is binary: its entries as bytes (uint8, 0 or 1, contiguous), and how many are 1.

    Not with one made in inference mode, whose in-place writes are not counted.
    """
    if record.is_inference():
        return
    if spikes.dtype != torch.uint8 or spikes.numel() != record.numel() or not spikes.is_contiguous():
        raise ValueError(
            f"spikes have type {spikes.dtype} and shape {list(spikes.shape)}, expected contiguous uint8 for the "
            f"{record.numel()} entries of the record: hand over what it was made of"
        )
    record._spikelearn_events = _Kept(_mark(record), spikes, active)  # type: ignore[attr-defined]


def detached(record: Tensor) -> Tensor:
    """``record.detach()``, which is another tensor, with what is known of it."""
    return alike(record.detach(), record)


def alike(other: Tensor, record: Tensor) -> Tensor:
    """``other``, a tensor with the entries of ``record``, with what is known of that one."""
    kept = _kept_of(record)
    if kept is not None:
        other._spikelearn_events = replace(kept, owner=_mark(other))  # type: ignore[attr-defined]
    return other


def share_active(record: Tensor) -> float:
    """Mean of a record of spikes, read off what is kept with it where something is."""
    kept = _kept_of(record)
    if kept is not None and kept.active is not None:
        return kept.active / record.numel()
    return float(record.detach().float().mean() if not record.is_floating_point() else record.detach().mean())


def events_of(record: Tensor) -> Events | None:
    """The events of ``record`` [T, B, ...]; None where dense is cheaper or the fast path must step aside.

    None is the answer for records that are small, not binary, above the break-even activity, not on the CPU,
    subclasses of Tensor, made in inference mode, or tracked by forward-mode differentiation; and where products are
    watched.
    """
    if record.ndim < 3 or record.numel() < SMALLEST or record.device.type != "cpu":
        return None
    if record.is_inference() or not is_plain(record) or is_watched() or record.dtype not in BINARY:
        return None
    kept = _kept_of(record)
    if kept is None:
        kept = _Kept(_mark(record))
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


def _kept_of(record: Tensor) -> _Kept | None:
    kept = getattr(record, "_spikelearn_events", None)
    return kept if isinstance(kept, _Kept) and kept.owner == _mark(record) else None


def _mark(record: Tensor) -> tuple[Any, ...]:
    """A mark that changes when a tensor is replaced, written in place or (``record.data = other``) refilled."""
    return id(record), record._version, record.shape, record.stride(), record.data_ptr()


def _pack(record: Tensor, spikes: Tensor | None) -> Events | None:
    from spikelearn.kernels import events as kernels
    from spikelearn.kernels.doors import vouch

    rows = record.flatten(0, 1).flatten(1)
    if spikes is None:
        spikes = rows.view(torch.uint8) if rows.dtype in (torch.bool, torch.uint8) else _as_bytes(rows)
        if spikes is None:
            return None
    size = rows.shape[1]
    spikes = spikes.view(rows.shape)
    words = (F.pad(spikes, (0, -size % 8)) if size % 8 else spikes.contiguous()).numpy().view(np.uint64)
    offsets = np.zeros(len(rows) + 1, np.int64)
    kernels.count_rows(words, offsets)
    if (offsets < 0).any():
        return None
    np.cumsum(offsets, out=offsets)
    active = int(offsets[-1])
    if active > BREAK_EVEN * rows.numel():
        return None
    columns = np.empty(active, np.uint16 if size <= 1 << 16 else np.int32)
    kernels.list_rows(words, offsets, columns)
    vouch(columns, size)
    vouch(offsets, active)
    return Events(columns, offsets, (len(rows), size))


def _as_bytes(rows: Tensor) -> Tensor | None:
    """``rows`` of floating point as bytes; None where they are not binary, or visibly not sparse."""
    from spikelearn.kernels import events as kernels

    sample = rows[:: max(1, len(rows) // SAMPLED)]
    active = sample != 0
    if int(active.sum()) > 2 * BREAK_EVEN * active.numel() or not torch.equal(sample, active.to(rows.dtype)):
        return None
    spikes, binary = torch.empty(rows.shape, dtype=torch.uint8), np.empty(len(rows), np.bool_)
    kernels.as_bytes(array(rows.contiguous()), array(spikes), binary)
    return spikes if binary.all() else None
