"""LIF and IF behind event lists: the current of a sample and step is summed and used while it is in registers.

Neither the currents nor, for hidden layers, spikes of floating point ever reach memory. The operations are those of
``event_kernels.gather_rows`` and ``numba_membrane.forward`` in their order, so the values are the same.
"""

from typing import Any

import numba
import numpy as np

from spikelearn.compiled import kernel
from spikelearn.event_kernels import GATHERED, TILE, U, add_narrow, add_wide
from spikelearn.vectors import NARROW, WIDE


@kernel(parallel=True, contract=False)
def forward(
    columns: Any,
    offsets: Any,
    weight: Any,
    bias: Any,
    start: Any,
    constants: Any,
    threads: int,
    v: Any,
    spikes: Any,
    fired: Any,
    last: Any,
    active: Any,
) -> None:  # pragma: no cover
    """v, spikes (if not empty) and spikes as bytes, [T, B, size], the potential after the last reset, [B, size],
    and the number of spikes of every sample, [B], zero before.

    Rows of the lists are steps, and samples in each; ``weight`` is [tiles * n * TILE] as in ``gather_rows``.
    """
    decay, gain, leak, _, limit, keep, offset = constants
    steps, batch, size = v.shape
    tiles = (size + TILE - 1) // TILE
    of_tile = len(weight) // tiles
    parts = min(batch, threads * max(1, steps * batch // (threads * GATHERED)))
    for part in numba.prange(parts):
        first, end = part * batch // parts, (part + 1) * batch // parts
        piece, u = np.empty(TILE, v.dtype), np.empty((end - first) * TILE, v.dtype)
        for tile in range(tiles):
            low, width, shift = U(tile * TILE), min(TILE, size - tile * TILE), U(tile * of_tile)
            for b in range(first, end):
                for n in range(width):
                    u[U((b - first) * TILE + n)] = start[U(b), low + U(n)]
            for t in range(steps):
                for b in range(first, end):
                    row = U(t * batch + b)
                    for n in range(width):
                        piece[U(n)] = bias[low + U(n)]
                    _sum(columns, offsets[row], offsets[row + U(1)], weight, shift, piece, width)
                    own, count = U((b - first) * TILE), 0
                    for n in range(width):
                        x = decay * u[own + U(n)] + (gain * piece[U(n)] + leak)
                        z = x > limit
                        v[U(t), U(b), low + U(n)] = x
                        fired[U(t), U(b), low + U(n)] = z
                        count += z
                        u[own + U(n)] = keep * x + offset if z else x
                    active[U(b)] += count
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
