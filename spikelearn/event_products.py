"""Products of a binary record with a matrix, at a cost that follows the events."""

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_shape
from spikelearn.events import Events
from spikelearn.fast_path import is_plain, is_watched
from spikelearn.kernels.calling import array, share_threads

#: Share of non-zero factors above which ``gated_outer_product`` takes the dense product. Measured at [1000, 1600] by
#: [1000, 784], float32, one thread: 4, 6, 11 ms at 0.2, 1, 5 % against 26 ms dense, equal at 15 % (float64: 10 %).
GATED_BREAK_EVEN = 0.1

#: Events of a column that ``outer_product`` sums together, on average.
EVENTS_TOGETHER = 32


def gather(weight: Tensor, bias: Tensor | None, events: Events) -> Tensor:
    """Dense product of the record with ``weight``: [out, n] -> [T*B, out], at a cost that follows the events."""
    from spikelearn.kernels import events as kernels

    check_shape("weight", weight, (len(weight), events.shape[1]), "one weight for each column of the events")
    out = weight.new_empty(events.shape[0], len(weight))
    pieces, start = gather_pieces(weight, bias)
    kernels.gather_rows(
        events.columns, events.offsets, pieces, start, len(weight), share_threads(), array(out).reshape(-1)
    )
    return out


def gather_pieces(weight: Tensor, bias: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """``weight`` [out, n] as kernels read it, a piece of every column's weights after the other; and the bias [out]."""
    from spikelearn.kernels.events import TILE

    size, size_in = weight.shape
    pieces, whole = weight.new_empty(-(-size // TILE), size_in, TILE), size // TILE * TILE
    pieces[: whole // TILE] = weight[:whole].view(-1, TILE, size_in).transpose(1, 2)
    if whole < size:
        pieces[-1, :, size - whole :] = 0
        pieces[-1, :, : size - whole] = weight[whole:].t()
    return array(pieces).reshape(-1), array(weight.new_zeros(size) if bias is None else bias)


def outer_product(events: Events, post: Tensor) -> Tensor:
    """Sum over rows of post (x) record: ``post`` [T*B, out] -> [out, n]."""
    check_shape("post", post, (events.shape[0], *post.shape[1:]), "one row for each row of the events")
    sums = post.new_empty(events.shape[1], post.shape[1])
    add_outer_product(sums, events, 0, post, fresh=True)
    return sums.t().contiguous()


def add_outer_product(sums: Tensor, events: Events, first: int, post: Tensor, *, fresh: bool) -> None:
    """Add to ``sums`` [n, out] those of the rows from ``first`` on, as many as ``post`` [rows, out] has.

    With ``fresh`` what was in ``sums`` is not looked at.
    """
    from spikelearn.kernels import events as kernels
    from spikelearn.kernels.doors import vouch

    rows = len(post)
    offsets = events.offsets[first : first + rows + 1]
    listed = int(offsets[-1] - offsets[0])
    # Few events a column and block would leave the sums no time in the registers.
    together = EVENTS_TOGETHER * rows * len(sums) // max(1, listed)
    together = min(1024, max(256, together))
    threads = share_threads()
    starts, by_column = np.empty(-(-rows // together) * (len(sums) + 1), np.int64), np.empty(listed, np.uint16)
    kernels.list_columns(events.columns, offsets, together, starts, by_column)
    vouch(starts, listed)
    vouch(by_column, together)
    kernels.correlate_rows(
        by_column, starts, array(post.contiguous()), together, threads, fresh, array(sums).reshape(-1)
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
