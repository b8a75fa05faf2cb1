"""Surrogate derivatives of one piece of a record, for the kernels of neurons."""

import math
from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel

U = np.uint64

#: Distance from threshold, in units of a sigmoid's width, beyond which its slope is taken as there: it is 1e-28.
FAR = 64.0


@kernel
def falling_exponential(x: float, halvings: int) -> float:  # pragma: no cover
    """exp(-x) to 1e-14 for 0 <= x <= 2 ** (halvings - 1): a series at x / 2 ** halvings, squared as often.

    The library's own is called number by number; a loop over this one is vectorised.
    """
    y = -x
    for _ in range(halvings):
        y *= 0.5
    total = 1.0
    for n in range(13, 0, -1):
        total = 1.0 + total * y / n
    for _ in range(halvings):
        total *= total
    return total


@kernel
def fill_derivative(x: Any, count: int, kind: int, a: Any, b: Any) -> None:  # pragma: no cover
    """x <- psi(x) for the first ``count``, by the codes of ``SurrogateCode``: a loop a kind, each vectorised."""
    one = x.dtype.type(1.0)
    if kind == 1:
        sharpness, height = a * x.dtype.type(math.pi / 2), a * x.dtype.type(0.5)
        for n in range(count):
            scaled = x[U(n)] * sharpness
            x[U(n)] = height / (one + scaled * scaled)
    elif kind == 2:
        for n in range(count):
            scaled = one + a * abs(x[U(n)])
            x[U(n)] = one / (scaled * scaled)
    elif kind == 3:
        fall = b / a
        for n in range(count):
            y = b - abs(x[U(n)]) * fall
            x[U(n)] = y if y > 0 else 0
    elif kind == 4:
        for n in range(count):
            far = falling_exponential(min(a * abs(x[U(n)]), FAR), 7)
            x[U(n)] = a * far / ((1.0 + far) * (1.0 + far))
    elif kind == 5:
        for n in range(count):
            x[U(n)] = b if abs(x[U(n)]) < a else 0
    else:
        for n in range(count):
            x[U(n)] = 0
