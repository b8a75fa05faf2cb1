"""Compiled loops of the event-driven convolution.

Inside, maps are the last axis: what an event meets in one row of its window, columns reversed, lies in one piece. With
strides, only every ``stride``-th column of the window meets an event; these stand together, residue by residue, in
``packed`` [C, ky, kx, M], and ``starts[r]`` says where residue r begins. Arrays are flat, and indices unsigned: signed
ones are tested for negative values. Arrays are filled by loops: numpy's ways take seconds to compile.

``shape`` is that of the rows, (N, C, H, W); ``geometry`` (stride y, x, padding y, x, kernel y, x, output y, x); the
images are shared out in as many ``parts`` as there are threads.
"""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share
from spikelearn.kernels.vectors import LANES, add_rows, transpose_block

U = np.uint64

#: What ``shape`` and ``geometry`` hold, by name.
SIZES = {
    "images": "shape[0]",
    "channels": "shape[1]",
    "area": "shape[2]*shape[3]",
    "stride": "geometry[1]",
    "window": "geometry[4]*geometry[5]",
    "field": "geometry[6]*geometry[7]",
}


@kernel(
    parallel=True,
    takes={
        "rows": "real images*channels*area",
        "bias": "real maps",
        "packed": "real channels*window*maps",
        "out": "real images*maps*field",
        "starts": "int stride+1 ^ geometry[5]",
    },
    let=SIZES,
    holds=(
        "len(shape) == 4 and len(geometry) == 8 and min(shape) >= 1 and min(geometry[:2]) >= 1 <= min(geometry[4:])",
        "min(geometry[2:4]) >= 0 and parts >= 1",
        "geometry[6] == (shape[2]+2*geometry[2]-geometry[4])//geometry[0]+1",
        "geometry[7] == (shape[3]+2*geometry[3]-geometry[5])//geometry[1]+1",
    ),
)
def convolve(
    thread: int, rows: Any, shape: Any, packed: Any, bias: Any, geometry: Any, starts: Any, parts: int, out: Any
) -> None:  # pragma: no cover
    """``out`` [N, M, y, x] = bias + every event of ``rows`` times its window of ``packed``."""
    images, channels, height, width = shape
    stride_y, stride_x, pad_y, pad_x, kernel_y, kernel_x, out_y, out_x = geometry
    maps = len(bias)
    edge_y, edge_x, full_y, full_x = _frame(shape, geometry)
    plane, window = U(height * width), kernel_y * kernel_x * maps
    area = full_y * full_x * maps
    for part in share(thread, parts):
        fresh, total = np.empty(area, packed.dtype), np.empty(area, packed.dtype)
        for i in range(area):
            fresh[U(i)] = bias[U(i % maps)]
        places, values = np.empty(channels + 1, np.int64), np.empty(channels + 1, packed.dtype)
        for n in range(images * part // parts, images * (part + 1) // parts):
            for i in range(area):
                total[U(i)] = fresh[U(i)]
            for y in range(height):
                for x in range(width):
                    spot, count = U((n * channels * height + y) * width + x), 0
                    for c in range(channels):
                        value = rows[spot + U(c) * plane]
                        # Written without asking, and overwritten if it was none.
                        places[U(count)], values[U(count)] = c * window, value
                        count += value != 0
                    if not count:
                        continue
                    residue = (x + pad_x) % stride_x
                    first, size = starts[residue] * maps, (starts[residue + 1] - starts[residue]) * maps
                    line = (y + pad_y) // stride_y + edge_y
                    o = (line * full_x + (x + pad_x) // stride_x + edge_x + 1) * maps - size
                    for k in range((y + pad_y) % stride_y, kernel_y, stride_y):
                        at = U(o - k // stride_y * full_x * maps)
                        add_rows(total, at, packed, U(k * kernel_x * maps + first), places, values, count, size)
            for y in range(out_y):
                o, t = U((n * maps * out_y + y) * out_x), U(((y + edge_y) * full_x + edge_x) * maps)
                _transpose(total, t, U(maps), out_x, maps, out, o, U(out_y * out_x))


@kernel(
    parallel=True,
    takes={
        "rows": "real images*channels*area",
        "biases": "real parts*maps",
        "sums": "real parts*channels*window*maps",
        "post": "real images*maps*field",
        "starts": "int stride+1 ^ geometry[5]",
    },
    let=SIZES | {"maps": "biases.size//parts"},
    holds=(
        "len(shape) == 4 and len(geometry) == 8 and min(shape) >= 1 and min(geometry[:2]) >= 1 <= min(geometry[4:])",
        "min(geometry[2:4]) >= 0 and parts >= 1",
        "geometry[6] == (shape[2]+2*geometry[2]-geometry[4])//geometry[0]+1",
        "geometry[7] == (shape[3]+2*geometry[3]-geometry[5])//geometry[1]+1",
    ),
)
def correlate(
    thread: int, rows: Any, shape: Any, post: Any, geometry: Any, starts: Any, parts: int, sums: Any, biases: Any
) -> None:  # pragma: no cover
    """``sums`` [parts * C * ky * kx * M] of the errors that events meet, as packed, and ``biases`` of all errors."""
    images, channels, height, width = shape
    stride_y, stride_x, pad_y, pad_x, kernel_y, kernel_x, out_y, out_x = geometry
    maps = biases.size // parts
    edge_y, edge_x, full_y, full_x = _frame(shape, geometry)
    for part in share(thread, parts):
        error = np.empty(full_y * full_x * maps, sums.dtype)
        for i in range(len(error)):
            error[U(i)] = 0
        places, values = np.empty(height * width + 1, np.int64), np.empty(height * width + 1, sums.dtype)
        every, ones = np.empty(out_x, np.int64), np.empty(out_x, sums.dtype)
        for x in range(out_x):
            every[U(x)], ones[U(x)] = x * maps, 1
        for n in range(images * part // parts, images * (part + 1) // parts):
            for y in range(out_y):
                o, t = U((n * maps * out_y + y) * out_x), U(((y + edge_y) * full_x + edge_x) * maps)
                _transpose(post, o, U(out_y * out_x), maps, out_x, error, t, U(maps))
                add_rows(biases, U(part * maps), error, t, every, ones, out_x, maps)
            for residues in range(stride_y * stride_x):
                residue_y, residue = residues // stride_x, residues % stride_x
                first, size = starts[residue] * maps, (starts[residue + 1] - starts[residue]) * maps
                start_x = (residue - pad_x) % stride_x
                column = (start_x + pad_x) // stride_x + edge_x + 1
                for c in range(channels):
                    count = 0
                    for y in range((residue_y - pad_y) % stride_y, height, stride_y):
                        place = (((y + pad_y) // stride_y + edge_y) * full_x + column) * maps - size
                        spot = U(((n * channels + c) * height + y) * width)
                        for x in range(start_x, width, stride_x):
                            value = rows[spot + U(x)]
                            places[U(count)], values[U(count)] = place, value
                            count += value != 0
                            place += maps
                    for k in range(residue_y, kernel_y, stride_y):
                        at = U(((part * channels + c) * kernel_y + k) * kernel_x * maps + first)
                        up = k // stride_y * full_x * maps
                        add_rows(sums, at, error, U(-up), places, values, count, size)


@kernel
def _frame(shape: Any, geometry: Any) -> tuple[int, int, int, int]:  # pragma: no cover
    """Lines above and columns before the output that windows reach into, and lines and columns in all."""
    stride_y, stride_x, pad_y, pad_x, kernel_y, kernel_x, out_y, out_x = geometry
    edge_y, edge_x = (kernel_y - 1) // stride_y, (kernel_x - 1) // stride_x
    full_y = edge_y + max(out_y, (shape[2] - 1 + pad_y) // stride_y + 1)
    full_x = edge_x + max(out_x, (shape[3] - 1 + pad_x) // stride_x + 1)
    return edge_y, edge_x, full_y, full_x


@kernel
def _transpose(
    source: Any, s: Any, pitch: Any, lines: int, columns: int, out: Any, o: Any, out_pitch: Any
) -> None:  # pragma: no cover
    """Lines of ``source`` become columns of ``out``; the last blocks overlap those before."""
    if lines >= LANES and columns >= LANES:
        for p in range(0, lines, LANES):
            i = U(min(p, lines - LANES))
            for q in range(0, columns, LANES):
                j = U(min(q, columns - LANES))
                transpose_block(source, s + i * pitch + j, pitch, out, o + j * out_pitch + i, out_pitch)
    else:
        for p in range(lines):
            for q in range(columns):
                out[o + U(q) * out_pitch + U(p)] = source[s + U(p) * pitch + U(q)]
