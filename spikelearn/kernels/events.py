"""Compiled loops over the events of a binary record.

Indices are unsigned where it matters: signed ones are tested for negative values, which keeps a loop from being
vectorised.
"""

from typing import Any

import numpy as np

from spikelearn.kernels.bits import lowest_bit
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share
from spikelearn.kernels.vectors import NARROW, WIDE, row_sum

U = np.uint64

add_wide, add_narrow = row_sum(WIDE), row_sum(NARROW)

#: Words of eight bytes that are looked at together when a record is searched for events.
WORDS = 8

#: About how many rows share a pass over a piece of the weights.
GATHERED = 512

#: Entries of a row that are summed together.
TILE = 64

#: Inputs whose sums one thread forms in a row; small, so that rows of an image that are busier are shared out.
INPUTS = 16


@kernel(parallel=True, takes={"record": "real R n", "spikes": "byte R n", "binary": "flag R"})
def as_bytes(thread: int, record: Any, spikes: Any, binary: Any) -> None:  # pragma: no cover
    """Bytes that mark where ``record`` [R, n] is not 0, and for every row whether it holds only 0 and 1."""
    rows, size = record.shape
    for row in share(thread, rows):
        others = 0
        for j in range(size):
            x = record[U(row), U(j)]
            spikes[U(row), U(j)] = x != 0
            others += (x != 0) & (x != 1)
        binary[row] = others == 0


@kernel(parallel=True, takes={"words": "word R m", "offsets": "int R+1"})
def count_rows(thread: int, words: Any, offsets: Any) -> None:  # pragma: no cover
    """Active entries of row r of a record [R, n / 8], eight bytes a word, in ``offsets[r + 1]``.

    -1 where a byte of the row is neither 0 nor 1: what ``list_rows`` lists of it is not what is counted here.
    """
    rows, size = words.shape
    for row in share(thread, rows):
        count, others = U(0), U(0)
        for j in range(size):
            # The product's highest byte is the sum of the eight.
            count += (words[U(row), U(j)] * U(0x0101010101010101)) >> U(56)
            others |= words[U(row), U(j)] & U(0xFEFEFEFEFEFEFEFE)
        offsets[row + 1] = np.int64(-1) if others else np.int64(count)


@kernel(parallel=True, takes={"words": "word R m", "columns": "index E", "offsets": "int R+1 ^ E"})
def list_rows(thread: int, words: Any, offsets: Any, columns: Any) -> None:  # pragma: no cover
    """Columns of the active entries, row after row, those of row r from ``offsets[r]`` on."""
    rows, size = words.shape
    for row in share(thread, rows):
        at = U(offsets[row])
        for first in range(0, size, 8):
            # One bit an entry: the product gathers the lowest bits of eight bytes in its highest byte.
            bits = U(0)
            for j in range(first, min(size, first + 8)):
                bits |= ((words[U(row), U(j)] * U(0x0102040810204080)) >> U(56)) << U(8 * (j - first))
            while bits:
                columns[at] = U(8 * first) + lowest_bit(bits)
                at += U(1)
                bits &= bits - U(1)


@kernel(
    parallel=True,
    takes={
        "columns": "index E < n",
        "offsets": "int rows+1 ^ E",
        "weight": "real tiles*n*64",
        "bias": "real size",
        "out": "real rows*size",
    },
    let={"rows": "offsets.size-1", "tiles": "(size+63)//64", "n": "weight.size//(tiles*64)"},
    holds=("threads >= 1", "size >= 1"),
)
def gather_rows(
    thread: int, columns: Any, offsets: Any, weight: Any, bias: Any, size: int, threads: int, out: Any
) -> None:  # pragma: no cover
    """out[r] = bias + sum of the weights of the columns that row r lists; ``out`` [R * size].

    ``weight`` is [tiles * n * TILE]: a piece of every column's weights, then the next piece, so that what is read at
    random lies in few pages.
    """
    rows, tiles = len(offsets) - 1, (size + TILE - 1) // TILE
    of_tile = len(weight) // tiles
    parts = threads * max(1, rows // (threads * GATHERED))
    for part in share(thread, parts):
        for tile in range(tiles):
            width = min(TILE, size - tile * TILE)
            for row in range(part * rows // parts, (part + 1) * rows // parts):
                at = U(row) * U(size) + U(tile * TILE)
                for j in range(width):
                    out[at + U(j)] = bias[U(tile * TILE + j)]
                _add_listed(columns, offsets[row], offsets[row + 1], weight, U(tile * of_tile), out, at, width)


@kernel(
    parallel=True,
    takes={
        "columns": "index E < n",
        "offsets": "int R+1 ^ E",
        "starts": "int blocks*(n+1)",
        "by_column": "index F",
    },
    let={"R": "offsets.size-1", "blocks": "(R+together-1)//together", "n": "starts.size//blocks-1"},
    holds=("1 <= together <= 65536",),
)
def list_columns(
    thread: int, columns: Any, offsets: Any, together: int, starts: Any, by_column: Any
) -> None:  # pragma: no cover
    """The rows of every ``together`` successive ones that list column i, counted from the first of them, in
    ``by_column`` from ``starts[block * (n + 1) + i]`` on; ``by_column`` has room for all events of the rows.
    """
    rows = len(offsets) - 1
    blocks, start = (rows + together - 1) // together, offsets[0]
    size = len(starts) // blocks
    if len(by_column) < offsets[rows] - start:
        raise ValueError("there is no room in by_column for the events of all rows: expected one entry for each")
    for block in share(thread, blocks):
        first, last, own = block * together, min(rows, (block + 1) * together), block * size
        for i in range(size):
            starts[U(own + i)] = 0
        for k in range(offsets[first], offsets[last]):
            starts[U(own) + U(columns[U(k)]) + U(1)] += 1
        starts[U(own)] = offsets[first] - start
        for i in range(1, size):
            starts[U(own + i)] += starts[U(own + i - 1)]
        for row in range(first, last):
            for k in range(offsets[row], offsets[row + 1]):
                column = U(own) + U(columns[U(k)])
                by_column[U(starts[column])] = row - first
                starts[column] += 1
        # What was counted up to the next column's start goes back to its own.
        for i in range(size - 1, 0, -1):
            starts[U(own + i)] = starts[U(own + i - 1)]
        starts[U(own)] = offsets[first] - start


@kernel(
    parallel=True,
    takes={
        "by_column": "index F < together",
        "starts": "int blocks*(n+1) ^ F",
        "post": "real R size",
        "sums": "real n*size",
    },
    let={
        "R": "post.shape[0]",
        "blocks": "(R+together-1)//together",
        "n": "sums.size//post.shape[1]",
    },
    holds=("1 <= together <= 65536", "threads >= 1"),
)
def correlate_rows(
    thread: int, by_column: Any, starts: Any, post: Any, together: int, threads: int, fresh: bool, sums: Any
) -> None:  # pragma: no cover
    """sums[i] += the rows of ``post`` [R, size] that list column i, as ``list_columns`` found them; ``sums``
    [n * size], with ``fresh`` from 0 on.

    ``together`` rows are gone through at once: pieces of them should stay in the second cache.
    """
    rows, size = post.shape
    size_in, blocks = sums.size // size, (rows + together - 1) // together
    chunks = (size_in + INPUTS - 1) // INPUTS
    for part in share(thread, threads):
        piece = np.empty(together * TILE, post.dtype)
        for step in range(blocks * ((size + TILE - 1) // TILE)):
            block, low = step % blocks, step // blocks * TILE
            width = min(TILE, size - low)
            for row in range(block * together, min(rows, (block + 1) * together)):
                for j in range(width):
                    piece[U(row - block * together) * U(TILE) + U(j)] = post[U(row), U(low + j)]
            for chunk in range(part, chunks, threads):
                for i in range(chunk * INPUTS, min(size_in, (chunk + 1) * INPUTS)):
                    own, at = U(block * (size_in + 1) + i), U(i * size + low)
                    if fresh and block == 0:
                        for j in range(width):
                            sums[at + U(j)] = 0
                    _add_listed(by_column, starts[own], starts[own + U(1)], piece, U(0), sums, at, width)


@kernel(
    takes={
        "values": "any N",
        "words": "word values.nbytes//8",
        "columns": "short N",
        "amounts": "real N",
        "starts": "int rows+1",
    },
    let={"rows": "starts.size-1"},
    holds=("N == rows*size",),
)
def find_events(values: Any, words: Any, size: Any, columns: Any, amounts: Any, starts: Any) -> Any:  # pragma: no cover
    """List what is not 0 in ``values`` [rows * size], which ``words`` shows as 64-bit words as far as whole ones go.

    Fills ``columns`` and ``amounts`` [events] row after row, and ``starts`` [rows + 1].
    """
    count, each = 0, 8 // values.itemsize
    for block in range(words.size // WORDS):
        first = block * WORDS
        some = words[first]
        for word in range(first + 1, first + WORDS):
            some |= words[word]
        if some != 0 and each == 8:
            bits = _marks(words, first)
            while bits:
                place = first * each + np.int64(lowest_bit(bits))
                count = _enter(values, place, size, columns, amounts, starts, count)
                bits &= bits - U(1)
        elif some != 0:
            for place in range(first * each, (first + WORDS) * each):
                if values[place] != 0:
                    count = _enter(values, place, size, columns, amounts, starts, count)
    for place in range(words.size // WORDS * WORDS * each, values.size):
        if values[place] != 0:
            count = _enter(values, place, size, columns, amounts, starts, count)
    for row in range(starts.size - 1):
        starts[row + 1] += starts[row]


@kernel
def _marks(words: Any, first: Any) -> Any:  # pragma: no cover
    """A bit for each byte of eight words, from the lowest on: whether it is not 0."""
    bits = U(0)
    for word in range(WORDS):
        x = words[U(first + word)]
        x |= (x >> U(4)) & U(0x0F0F0F0F0F0F0F0F)
        x |= (x >> U(2)) & U(0x3F3F3F3F3F3F3F3F)
        x |= (x >> U(1)) & U(0x7F7F7F7F7F7F7F7F)
        # One bit a byte: the product gathers the lowest bits of eight bytes in its highest byte.
        bits |= (((x & U(0x0101010101010101)) * U(0x0102040810204080)) >> U(56)) << U(8 * word)
    return bits


@kernel
def _enter(
    values: Any, place: Any, size: Any, columns: Any, amounts: Any, starts: Any, count: Any
) -> Any:  # pragma: no cover
    row = place // size
    columns[count] = place - row * size
    amounts[count] = values[place]
    starts[row + 1] += 1
    return count + 1


@kernel(takes={"columns": "short E < size"})
def number_active(columns: Any, size: Any) -> Any:  # pragma: no cover
    """The inputs that are active at all, ascending; ``columns`` then count among them."""
    numbers = np.zeros(size, np.int32)
    for event in range(columns.size):
        numbers[columns[event]] = 1
    active, count = np.empty(size, np.int32), 0
    for column in range(size):
        if numbers[column] != 0:
            active[count] = column
            numbers[column] = count
            count += 1
    for event in range(columns.size):
        columns[event] = numbers[columns[event]]
    return active[:count]


@kernel
def _add_listed(
    listed: Any, first: int, last: int, source: Any, shift: Any, out: Any, at: Any, width: int
) -> None:  # pragma: no cover
    """out[at : at + width] += the listed rows of ``source`` [n * TILE]: wide pieces, narrow ones, the rest."""
    n = 0
    wide, narrow = WIDE // out.itemsize, NARROW // out.itemsize
    while n + wide <= width:
        add_wide(listed, first, last, source, U(TILE), shift + U(n), out, at + U(n))
        n += wide
    while n + narrow <= width:
        add_narrow(listed, first, last, source, U(TILE), shift + U(n), out, at + U(n))
        n += narrow
    if n < width:
        for k in range(first, last):
            row = U(listed[U(k)]) * U(TILE) + shift
            for j in range(n, width):
                out[at + U(j)] += source[row + U(j)]
