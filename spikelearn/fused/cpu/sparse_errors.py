"""The backward pass of a layer whose errors are mostly zero: they are listed with their values, and filtered in time.

With e[t] = p[t] + decay e[t+1] the filter may stand on the other side of a sum over time: what is carried is p, which
is not zero only where a surrogate of compact support is not.
"""

from typing import Any

import numba
import numpy as np

from spikelearn.kernels.bits import LOOKED_AT, bits_set, lowest_bit, near_bits
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.events import TILE, U
from spikelearn.kernels.vectors import NARROW, WIDE, weighted_row_sum

add_wide, add_narrow = weighted_row_sum(WIDE), weighted_row_sum(NARROW)


@kernel(parallel=True, takes={"kept": "any N", "near": "int parts"})
def count_near(kept: Any, center: Any, width: Any, near: Any) -> None:  # pragma: no cover
    """How many entries of every part of ``kept`` [entries] are less than ``width`` away from ``center``."""
    parts = len(near)
    for part in numba.prange(parts):
        n, last, counted = part * len(kept) // parts, (part + 1) * len(kept) // parts, U(0)
        while n < last:
            counted += bits_set(_near(kept, n, last, center, width))
            n += LOOKED_AT
        near[part] = counted


@kernel(
    parallel=True,
    takes={
        "kept": "any T B size",
        "grad_spikes": "real T|1 B size",
        "ages": "real T",
        "near": "int parts",
        "columns": "short parts*room",
        "values": "real parts*room",
        "starts": "int T*B",
        "ends": "int T*B",
        "total": "real parts 0|size",
    },
    holds=("room >= 64",),
)
def list_errors(
    kept: Any,
    grad_spikes: Any,
    center: Any,
    gain: Any,
    surrogate: Any,
    ages: Any,
    room: int,
    columns: Any,
    values: Any,
    starts: Any,
    ends: Any,
    near: Any,
    total: Any,
) -> None:  # pragma: no cover
    """gain p[t] = gain psi[t] grad_spikes[t], where it is not 0: those of row r, [T * B], are the ``columns`` and
    ``values`` from ``starts[r]`` to ``ends[r]``.

    ``kept`` [T, B, size] are potentials, ``center`` is the threshold, ``surrogate`` as in ``SurrogateCode``; or bytes
    whose squares times the last of ``surrogate`` are psi, where the first is 0, and 256 from 0.
    Every part of the samples has ``room`` for its own; of one that needs more, ``near`` is negative. ``near`` counts
    where psi is not 0, ``total`` [parts, size] sums ages[t] gain p[t] unless it is empty.
    """
    kind, width, height = surrogate
    steps, batch, size = kept.shape
    fall, flat, parts = height / width, kept.reshape(-1), len(near)
    for part in numba.prange(parts):
        at, last, counted, full = U(part * room), U((part + 1) * room - LOOKED_AT), U(0), False
        for t in range(steps):
            given = U(min(t, len(grad_spikes) - 1))
            for b in range(part * batch // parts, (part + 1) * batch // parts):
                row = U(t * batch + b)
                base, starts[row] = row * U(size), at
                for n in range(0, size, LOOKED_AT):
                    bits = _near(flat, base + U(n), base + U(size), center, width)
                    counted += bits_set(bits)
                    if at > last:
                        full = True
                    while bits and not full:
                        j = U(n) + lowest_bit(bits)
                        bits &= bits - U(1)
                        x = values.dtype.type(flat[base + j])
                        if kind == 0:
                            psi = height * x * x
                        elif kind == 5:
                            psi = height
                        else:
                            psi = height - abs(x - center) * fall
                        p = gain * (grad_spikes[given, U(b), j] * psi)
                        if p != 0:
                            columns[at] = j
                            values[at] = p
                            at += U(1)
                            if total.size:
                                total[U(part), j] += ages[U(t)] * p
                ends[row] = at
        near[part] = -1 - np.int64(counted) if full else np.int64(counted)


@kernel(
    parallel=True,
    takes={
        "columns": "short E < size",
        "values": "real E",
        "starts": "int R < E+1",
        "ends": "int R < E+1",
        "out": "real R n",
        "weight": "real (n+63)//64*size*64",
    },
    let={"size": "weight.size//((out.shape[1]+63)//64*64)"},
    holds=("batch >= 1", "R % batch == 0", "threads >= 1"),
)
def pull_back(
    columns: Any, values: Any, starts: Any, ends: Any, weight: Any, decay: Any, batch: int, threads: int, out: Any
) -> None:  # pragma: no cover
    """out[t] = decay out[t+1] + the listed weights times their values; ``out`` [T * B, n] and zero before.

    ``weight`` is [tiles * size * TILE]: a piece of every neuron's weights, then the next piece.
    """
    rows, size_in = out.shape
    tiles, steps = (size_in + TILE - 1) // TILE, rows // batch
    of_tile, flat = len(weight) // tiles, out.reshape(-1)
    for part in numba.prange(threads):
        for tile in range(tiles):
            width = min(TILE, size_in - tile * TILE)
            for step in range(steps):
                t = steps - 1 - step
                for b in range(part * batch // threads, (part + 1) * batch // threads):
                    row = U(t * batch + b)
                    at = row * U(size_in) + U(tile * TILE)
                    if step:
                        later = at + U(batch) * U(size_in)
                        for j in range(width):
                            flat[at + U(j)] = decay * flat[later + U(j)]
                    _add_listed(columns, values, starts[row], ends[row], weight, U(tile * of_tile), flat, at, width)


@kernel(
    parallel=True,
    takes={
        "columns": "short E < size",
        "values": "real E",
        "starts": "int R < E+1",
        "ends": "int R < E+1",
        "sums": "real size n",
        "pre_columns": "index F < n",
        "pre_offsets": "int R+1 ^ F",
    },
    holds=("batch >= 1", "R % batch == 0", "together >= 1", "threads >= 1"),
)
def correlate_errors(
    columns: Any,
    values: Any,
    starts: Any,
    ends: Any,
    pre_columns: Any,
    pre_offsets: Any,
    decay: Any,
    batch: int,
    together: int,
    threads: int,
    sums: Any,
) -> None:  # pragma: no cover
    """sums[j] = sum over rows of the value of j times the trace of what came in, decay trace[t-1] + pre[t]; [size, n].

    ``together`` steps are gone through at once: pieces of their traces should stay in the second cache.
    """
    size, size_in = sums.shape
    steps, tiles, flat = len(starts) // batch, (size_in + TILE - 1) // TILE, sums.reshape(-1)
    blocks, of_block = (steps + together - 1) // together, together * batch
    first = np.zeros(blocks + 1, np.int64)
    for block in range(blocks):
        rows = slice(block * of_block, (block + 1) * of_block)
        first[block + 1] = first[block] + (ends[rows] - starts[rows]).sum()
    by_column, by_value = np.empty(first[blocks], np.int32), np.empty(first[blocks], values.dtype)
    places = np.empty((blocks, size + 1), np.int64)
    for block in numba.prange(blocks):
        low, high = block * of_block, min(len(starts), (block + 1) * of_block)
        _turn(columns, values, starts, ends, low, high, batch, first[block], places[block], by_column, by_value)
    groups = (threads + tiles - 1) // tiles
    for part in numba.prange(min(threads, tiles) * groups):
        share, group = part // groups, part % groups
        lanes = min(threads, tiles)
        cursors, piece = pre_offsets[:-1].copy(), np.empty((of_block + batch) * TILE, sums.dtype)
        for tile in range(share * tiles // lanes, (share + 1) * tiles // lanes):
            low, width = tile * TILE, min(TILE, size_in - tile * TILE)
            piece[: batch * TILE] = 0
            for block in range(blocks):
                here = slice(block * of_block, min(len(starts), (block + 1) * of_block))
                _trace(pre_columns, pre_offsets[1:][here], cursors[here], low, decay, batch, piece)
                for j in range(group * size // groups, (group + 1) * size // groups):
                    at, begin, end = U(j * size_in + low), places[U(block), U(j)], places[U(block), U(j + 1)]
                    if block == 0:
                        for n in range(width):
                            flat[at + U(n)] = 0
                    _add_listed(by_column, by_value, begin, end, piece, U(0), flat, at, width)
                piece[: batch * TILE] = piece[of_block * TILE :]


@kernel
def _near(kept: Any, n: Any, last: Any, center: Any, width: Any) -> Any:  # pragma: no cover
    """``near_bits`` of the entries from ``n`` on and before ``last``, 0 beyond."""
    at, count = U(n), U(last) - U(n)
    if count >= U(LOOKED_AT):
        return near_bits(kept, at, center, width)
    if U(last) >= U(LOOKED_AT):
        return near_bits(kept, U(last) - U(LOOKED_AT), center, width) >> (U(LOOKED_AT) - count)
    bits = U(0)
    for k in range(count):
        bits |= U(abs(kept[at + U(k)] - center) < width) << U(k)
    return bits


@kernel
def _turn(
    columns: Any,
    values: Any,
    starts: Any,
    ends: Any,
    low: int,
    high: int,
    batch: int,
    first: int,
    places: Any,
    by_column: Any,
    by_value: Any,
) -> None:  # pragma: no cover
    """The rows from ``low`` to ``high`` that list column j, and its values, from ``places[j]`` on.

    Rows are counted from the step before ``low``, whose traces stand before the others in their piece.
    """
    places[:] = 0
    for row in range(low, high):
        for k in range(starts[U(row)], ends[U(row)]):
            places[U(columns[U(k)])] += 1
    at = first
    for j in range(len(places)):
        count = places[U(j)]
        places[U(j)] = at
        at += count
    to = places.copy()
    for row in range(low, high):
        for k in range(starts[U(row)], ends[U(row)]):
            column = U(columns[U(k)])
            by_column[U(to[column])] = row - low + batch
            by_value[U(to[column])] = values[U(k)]
            to[column] += 1


@kernel
def _trace(
    columns: Any, ends: Any, cursors: Any, low: int, decay: Any, batch: int, piece: Any
) -> None:  # pragma: no cover
    """Fill ``piece`` [(batch + rows) * TILE] with the traces of columns from ``low`` on; before are those of a step
    earlier. ``cursors`` go from the events of one piece to those of the next."""
    for row in range(len(ends)):
        at = U((row + batch) * TILE)
        before, k = at - U(batch * TILE), cursors[U(row)]
        for n in range(TILE):
            piece[at + U(n)] = decay * piece[before + U(n)]
        while k < ends[U(row)] and np.int64(columns[U(k)]) < low:
            k += 1
        while k < ends[U(row)] and np.int64(columns[U(k)]) < low + TILE:
            piece[at + U(np.int64(columns[U(k)]) - low)] += 1
            k += 1
        cursors[U(row)] = k


@kernel
def _add_listed(
    listed: Any, values: Any, first: int, last: int, source: Any, shift: Any, out: Any, at: Any, width: int
) -> None:  # pragma: no cover
    """out[at : at + width] += value times row, for the listed rows of ``source`` [n * TILE]."""
    if first == last:
        return
    n = 0
    wide, narrow = WIDE // out.itemsize, NARROW // out.itemsize
    while n + wide <= width:
        add_wide(listed, values, first, last, source, U(TILE), shift + U(n), out, at + U(n))
        n += wide
    while n + narrow <= width:
        add_narrow(listed, values, first, last, source, U(TILE), shift + U(n), out, at + U(n))
        n += narrow
    if n < width:
        for k in range(first, last):
            row = U(listed[U(k)]) * U(TILE) + shift
            for j in range(n, width):
                out[at + U(j)] += values[U(k)] * source[row + U(j)]
