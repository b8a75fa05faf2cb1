"""The inner loop of the event-driven convolution, compiled on first use and kept on disk."""

from typing import Any

import numpy as np

from spikelearn.compiled import kernel


@kernel
def scatter(
    rows: Any, packed: Any, stride_y: int, stride_x: int, pad_y: int, pad_x: int, out: Any
) -> None:  # pragma: no cover
    """Every event adds its window of weights to the full-resolution output, of which strides keep a part."""
    images, channels, height, width = rows.shape
    _, kernel_y, kernel_x, maps = packed.shape
    full_y, full_x = height + kernel_y - 1, width + kernel_x - 1
    piece = kernel_x * maps
    flat = packed.reshape(channels, kernel_y, piece)
    total = np.zeros((full_y, full_x * maps), rows.dtype)
    for n in range(images):
        total[:] = 0
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    value = rows[n, c, y, x]
                    if value != 0:
                        start = x * maps
                        for k in range(kernel_y):
                            line = total[y + kernel_y - 1 - k, start : start + piece]
                            weights = flat[c, k]
                            for i in range(piece):
                                line[i] += value * weights[i]
        for m in range(out.shape[1]):
            for y in range(out.shape[2]):
                for x in range(out.shape[3]):
                    at_y = y * stride_y + kernel_y - 1 - pad_y
                    at_x = x * stride_x + kernel_x - 1 - pad_x
                    inside = 0 <= at_y < full_y and 0 <= at_x < full_x
                    out[n, m, y, x] = total[at_y, at_x * maps + m] if inside else 0
