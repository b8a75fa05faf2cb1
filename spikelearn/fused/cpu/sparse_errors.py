"""The backward pass of a layer whose errors are mostly zero: they are listed with their values, and filtered in time.

With e[t] = p[t] + decay e[t+1] the filter may stand on the other side of a sum over time: what is carried is p, which
is not zero only where a surrogate of compact support is not.
"""

from typing import Any

import numpy as np

from spikelearn.kernels.bits import LOOKED_AT, bits_set, lowest_bit, near_bits
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.events import TILE, U
from spikelearn.kernels.sharing import share
from spikelearn.kernels.vectors import NARROW, WIDE, weighted_row_sum

add_wide, add_narrow = weighted_row_sum(WIDE), weighted_row_sum(NARROW)


@kernel(parallel=True, takes={"kept": "any N", "near": "int parts"})
def count_near(thread: int, kept: Any, center: Any, width: Any, near: Any) -> None:  # pragma: no cover
    """How many entries of every part of ``kept`` [entries] are less than ``width`` away from ``center``."""
    parts = len(near)
    for part in share(thread, parts):
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
    thread: int,
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
    for part in share(thread, parts):
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
    thread: int,
    columns: Any,
    values: Any,
    starts: Any,
    ends: Any,
    weight: Any,
    decay: Any,
    batch: int,
    threads: int,
    out: Any,
) -> None:  # pragma: no cover
    """out[t] = decay out[t+1] + the listed weights times their values; ``out`` [T * B, n] and zero before.

    ``weight`` is [tiles * size * TILE]: a piece of every neuron's weights, then the next piece.
    """
    rows, size_in = out.shape
    tiles, steps = (size_in + TILE - 1) // TILE, rows // batch
    of_tile, flat = len(weight) // tiles, out.reshape(-1)
    for part in share(thread, threads):
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
        "places": "int blocks*(size+1)",
        "by_column": "short F",
        "by_value": "real F",
    },
    let={"blocks": "(starts.size+rows-1)//rows", "size": "places.size//blocks-1"},
    holds=("rows >= 1", "batch >= 0"),
)
def turn(
    thread: int,
    columns: Any,
    values: Any,
    starts: Any,
    ends: Any,
    rows: int,
    batch: int,
    places: Any,
    by_column: Any,
    by_value: Any,
) -> None:  # pragma: no cover
    """The rows of every ``rows`` successive ones that list column j, and its values, from
    ``places[block * (size + 1) + j]`` on; ``by_column`` and ``by_value`` have room for all that is listed.

    Rows are counted from ``batch`` before the first of a block, whose traces stand before the others in their piece.
    """
    blocks = (len(starts) + rows - 1) // rows
    size, at, done = len(places) // blocks, 0, 0
    for row in range(len(starts)):
        at += ends[U(row)] - starts[U(row)]
    if len(by_column) < at:
        raise ValueError("there is no room in by_column for the errors of all rows: expected one entry for each")
    at = 0
    for block in share(thread, blocks):
        low, high, own = block * rows, min(len(starts), (block + 1) * rows), block * size
        while done < low:
            at += ends[U(done)] - starts[U(done)]
            done += 1
        for j in range(size):
            places[U(own + j)] = 0
        for row in range(low, high):
            for k in range(starts[U(row)], ends[U(row)]):
                places[U(own) + U(columns[U(k)]) + U(1)] += 1
        places[U(own)] = at
        for j in range(1, size):
            places[U(own + j)] += places[U(own + j - 1)]
        for row in range(low, high):
            for k in range(starts[U(row)], ends[U(row)]):
                column = U(own) + U(columns[U(k)])
                to = U(places[column])
                by_column[to], by_value[to] = row - low + batch, values[U(k)]
                places[column] += 1
        # What was counted up to the next column's start goes back to its own.
        for j in range(size - 1, 0, -1):
            places[U(own + j)] = places[U(own + j - 1)]
        places[U(own)] = at


@kernel(
    parallel=True,
    takes={
        "by_column": "short F < together*batch+batch",
        "by_value": "real F",
        "places": "int blocks*(size+1) ^ F",
        "sums": "real size n",
        "pre_columns": "index E < n",
        "pre_offsets": "int steps*batch+1 ^ E",
    },
    let={"steps": "(pre_offsets.size-1)//batch", "size": "sums.shape[0]", "blocks": "(steps+together-1)//together"},
    holds=("batch >= 1", "together >= 1", "threads >= 1"),
)
def correlate_errors(
    thread: int,
    by_column: Any,
    by_value: Any,
    places: Any,
    pre_columns: Any,
    pre_offsets: Any,
    decay: Any,
    batch: int,
    together: int,
    threads: int,
    sums: Any,
) -> None:  # pragma: no cover
    """sums[j] = sum over rows of the value of j times the trace of what came in, decay trace[t-1] + pre[t]; [size, n].

    The errors are as ``turn`` found them. ``together`` steps are gone through at once: pieces of their traces should
    stay in the second cache.
    """
    size, size_in = sums.shape
    rows, tiles, flat = len(pre_offsets) - 1, (size_in + TILE - 1) // TILE, sums.reshape(-1)
    of_block, before = together * batch, batch * TILE
    blocks = (rows + of_block - 1) // of_block
    groups, lanes = (threads + tiles - 1) // tiles, min(threads, tiles)
    for part in share(thread, lanes * groups):
        lane, group = part // groups, part % groups
        cursors, piece = np.empty(rows, np.int64), np.empty((of_block + batch) * TILE, sums.dtype)
        for row in range(rows):
            cursors[U(row)] = pre_offsets[U(row)]
        for tile in range(lane * tiles // lanes, (lane + 1) * tiles // lanes):
            low, width = tile * TILE, min(TILE, size_in - tile * TILE)
            for n in range(before):
                piece[U(n)] = 0
            for block in range(blocks):
                first, last = block * of_block, min(rows, (block + 1) * of_block)
                _trace(pre_columns, pre_offsets, cursors, first, last, low, decay, batch, piece)
                for j in range(group * size // groups, (group + 1) * size // groups):
                    at, own = U(j * size_in + low), U(block * (size + 1) + j)
                    if block == 0:
                        for n in range(width):
                            flat[at + U(n)] = 0
                    _add_listed(by_column, by_value, places[own], places[own + U(1)], piece, U(0), flat, at, width)
                for n in range(before):
                    piece[U(n)] = piece[U(of_block * TILE + n)]


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
def _trace(
    columns: Any, offsets: Any, cursors: Any, first: int, last: int, low: int, decay: Any, batch: int, piece: Any
) -> None:  # pragma: no cover
    """Fill ``piece`` [(batch + rows) * TILE] with the traces of columns from ``low`` on; before are those of a step
    earlier. ``cursors`` go from the events of one piece to those of the next."""
    for row in range(first, last):
        at = U((row - first + batch) * TILE)
        before, k, end = at - U(batch * TILE), cursors[U(row)], offsets[U(row + 1)]
        for n in range(TILE):
            piece[at + U(n)] = decay * piece[before + U(n)]
        while k < end and np.int64(columns[U(k)]) < low:
            k += 1
        while k < end and np.int64(columns[U(k)]) < low + TILE:
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
