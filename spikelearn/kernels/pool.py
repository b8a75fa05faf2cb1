"""Compiled loops of pooling over windows that do not overlap.

Arrays are flat [planes, H, W], windows (y, x), and what does not fill a window at the lower and right edge is left
out, as torch does it. Indices are unsigned: signed ones are tested for negative values, which keeps a loop from being
vectorised.
"""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share

U, BYTE = np.uint64, np.uint8

#: What ``shape`` and ``window`` hold, and what follows from both.
PLANES = {"planes": "shape[0]", "height": "shape[1]", "width": "shape[2]"}
POOLED = {"area": "window[0]*window[1]", "pooled": "planes*(height//window[0])*(width//window[1])"}
WINDOWS = ("window[0] >= 1 and window[1] >= 1", "area <= 256")


@kernel(
    parallel=True,
    takes={
        "rows": "any planes*height*width",
        "out": "any planes*(height//2)*(width//2)",
        "where": "byte planes*(height//2)*(width//2)",
    },
    let=PLANES,
)
def largest_of_four(thread: int, rows: Any, shape: Any, out: Any, where: Any) -> None:  # pragma: no cover
    """``largest`` for windows (2, 2), in a form that is vectorised."""
    planes, height, width = shape
    for n in share(thread, planes):
        for y in range(height // 2):
            o, r = U((n * (height // 2) + y) * (width // 2)), U((n * height + 2 * y) * width)
            s = r + U(width)
            for x in range(width // 2):
                i = U(2 * x)
                best, at = rows[r + i], BYTE(0)
                value = rows[r + i + U(1)]
                better = (value > best) | (value != value)
                best, at = (value if better else best), (BYTE(1) if better else at)
                value = rows[s + i]
                better = (value > best) | (value != value)
                best, at = (value if better else best), (BYTE(2) if better else at)
                value = rows[s + i + U(1)]
                better = (value > best) | (value != value)
                out[o + U(x)] = value if better else best
                where[o + U(x)] = BYTE(3) if better else at


@kernel(
    parallel=True,
    takes={"rows": "any planes*height*width", "out": "any pooled", "where": "byte pooled"},
    let=PLANES | POOLED,
    holds=WINDOWS,
)
def largest(thread: int, rows: Any, shape: Any, window: Any, out: Any, where: Any) -> None:  # pragma: no cover
    """The largest value of every window, the last NaN before all, and where it stands: the first one, row by row."""
    planes, height, width = shape
    window_y, window_x = window
    for n in share(thread, planes):
        for y in range(height // window_y):
            o, r = U((n * (height // window_y) + y) * (width // window_x)), U((n * height + y * window_y) * width)
            for x in range(width // window_x):
                start = r + U(x * window_x)
                best, at = rows[start], 0
                for i in range(window_y):
                    for j in range(window_x):
                        value = rows[start + U(i * width + j)]
                        better = (value > best) | (value != value)
                        best, at = (value if better else best), (i * window_x + j if better else at)
                out[o + U(x)], where[o + U(x)] = best, at


@kernel(
    parallel=True,
    takes={
        "post": "real pooled",
        "where": "byte pooled < area",
        "shifts": "int area < (window[0]-1)*width+window[1]",
        "back": "real planes*height*width",
    },
    let=PLANES | POOLED,
    holds=WINDOWS,
)
def put_back(
    thread: int, post: Any, where: Any, shape: Any, window: Any, shifts: Any, back: Any
) -> None:  # pragma: no cover
    """The gradient of ``largest``: ``shifts[w]`` is the distance of a window's entry w from its first."""
    planes, height, width = shape
    window_y, window_x = window
    for n in share(thread, planes):
        start = U(n * height * width)
        for i in range(height * width):
            back[start + U(i)] = 0
        for y in range(height // window_y):
            o, r = U((n * (height // window_y) + y) * (width // window_x)), U((n * height + y * window_y) * width)
            for x in range(width // window_x):
                back[r + U(x * window_x + shifts[U(where[o + U(x)])])] = post[o + U(x)]


@kernel(
    parallel=True,
    takes={"rows": "real planes*height*width", "out": "real pooled"},
    let=PLANES | POOLED,
    holds=WINDOWS,
)
def averages(thread: int, rows: Any, shape: Any, window: Any, divisor: Any, out: Any) -> None:  # pragma: no cover
    """The sum of every window, divided by ``divisor``."""
    planes, height, width = shape
    window_y, window_x = window
    for n in share(thread, planes):
        for y in range(height // window_y):
            o, r = U((n * (height // window_y) + y) * (width // window_x)), U((n * height + y * window_y) * width)
            for x in range(width // window_x):
                total = divisor - divisor
                for i in range(window_y):
                    for j in range(window_x):
                        total += rows[r + U(i * width + x * window_x + j)]
                out[o + U(x)] = total / divisor


@kernel(
    parallel=True,
    takes={"post": "real pooled", "back": "real planes*height*width"},
    let=PLANES | POOLED,
    holds=WINDOWS,
)
def spread(thread: int, post: Any, shape: Any, window: Any, divisor: Any, back: Any) -> None:  # pragma: no cover
    """The gradient of ``averages``."""
    planes, height, width = shape
    window_y, window_x = window
    out_y, out_x = height // window_y, width // window_x
    for n in share(thread, planes):
        for y in range(height):
            r, o = U((n * height + y) * width), U((n * out_y + y // window_y) * out_x)
            for x in range(width):
                back[r + U(x)] = 0
            if y < out_y * window_y:
                for x in range(out_x):
                    each = post[o + U(x)] / divisor
                    for j in range(window_x):
                        back[r + U(x * window_x + j)] = each
