"""LIF and IF behind event lists: the current of a sample and step is summed and used while it is in registers.

Neither the currents nor, for hidden layers, spikes of floating point ever reach memory. The operations are those of
``kernels.events.gather_rows`` and ``membrane.forward`` in their order, so the values are the same.
"""

from typing import Any

import numpy as np

from spikelearn.fused.cpu.derivative_bytes import fill_bytes
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.events import GATHERED, TILE, U, add_narrow, add_wide
from spikelearn.kernels.sharing import share
from spikelearn.kernels.vectors import NARROW, WIDE, stack_array

for_tile = stack_array(TILE)


@kernel(
    parallel=True,
    contract=False,
    takes={
        "fired": "byte T B size",
        "columns": "index E < n",
        "offsets": "int T*B+1 ^ E",
        "weight": "real tiles*n*64",
        "bias": "real size",
        "start": "real B size",
        "v": "real 0|T B size",
        "spikes": "real 0|T B size",
        "slopes": "? byte T*B*size",
        "last": "real B size",
        "active": "int B",
    },
    let={"tiles": "(last.shape[1]+63)//64", "n": "weight.size//(tiles*64)"},
    holds=("threads >= 1", "size >= 1", "B >= 1"),
)
def forward(
    thread: int,
    columns: Any,
    offsets: Any,
    weight: Any,
    bias: Any,
    start: Any,
    constants: Any,
    coding: Any,
    threads: int,
    v: Any,
    spikes: Any,
    fired: Any,
    slopes: Any,
    last: Any,
    active: Any,
) -> None:  # pragma: no cover
    """v, spikes (both if not empty), spikes as bytes, [T, B, size], surrogate derivatives as bytes (unless None), the
    same one after the other, the potential after the last reset, [B, size], and the number of spikes of every sample,
    [B], zero before.

    Rows of the lists are steps, and samples in each; ``coding`` is the surrogate and its largest value; ``weight`` is
    [tiles * n * TILE] as in ``gather_rows``.
    """
    decay, gain, leak, threshold, limit, keep, offset = constants
    (kind, sharpness, height), peak = coding
    steps, batch, size = fired.shape
    tiles = (size + TILE - 1) // TILE
    parts = min(batch, threads * max(1, steps * batch // (threads * GATHERED)))
    for part in share(thread, parts):
        first, end = part * batch // parts, (part + 1) * batch // parts
        piece, u = for_tile(last), np.empty((end - first) * TILE, last.dtype)
        for tile in range(tiles):
            low, width, shift = U(tile * TILE), min(TILE, size - tile * TILE), U(tile * (len(weight) // tiles))
            for b in range(first, end):
                for n in range(width):
                    u[U((b - first) * TILE + n)] = start[U(b), low + U(n)]
            for t in range(steps):
                for b in range(first, end):
                    row, own, count = U(t * batch + b), U((b - first) * TILE), 0
                    for n in range(width):
                        piece[U(n)] = bias[low + U(n)]
                    _sum(columns, offsets[row], offsets[row + U(1)], weight, shift, piece, width)
                    for n in range(width):
                        x = decay * u[own + U(n)] + (gain * piece[U(n)] + leak)
                        z = x > limit
                        piece[U(n)] = x
                        fired[U(t), U(b), low + U(n)] = z
                        count += z
                        u[own + U(n)] = keep * x + offset if z else x
                    active[U(b)] += count
                    if len(v):
                        for n in range(width):
                            v[U(t), U(b), low + U(n)] = piece[U(n)]
                    if slopes is not None:
                        place = row * U(size) + low
                        fill_bytes(piece, width, threshold, (kind, sharpness, height), peak, slopes, place)
                    if len(spikes):
                        for n in range(width):
                            spikes[U(t), U(b), low + U(n)] = fired[U(t), U(b), low + U(n)]
            for b in range(first, end):
                for n in range(width):
                    last[U(b), low + U(n)] = u[U((b - first) * TILE + n)]


@kernel
def _sum(listed: Any, first: int, last: int, source: Any, shift: Any, out: Any, width: int) -> None:  # pragma: no cover
    """out += the listed rows of ``source`` [n * TILE]; the last piece may go beyond ``width``, into padding."""
    wide, narrow = WIDE // out.itemsize, NARROW // out.itemsize
    n = 0
    while n < width:
        if n + wide <= TILE and width - n > wide // 2:
            add_wide(listed, first, last, source, U(TILE), shift + U(n), out, U(n))
            n += wide
        else:
            add_narrow(listed, first, last, source, U(TILE), shift + U(n), out, U(n))
            n += narrow
