"""LIF and IF whose surrogate derivatives are kept as bytes: making them, and the backward pass from them."""

from typing import Any

import numpy as np

from spikelearn.fused.cpu.constants import BLOCK, for_block
from spikelearn.fused.cpu.surrogates import fill_derivative
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share

U = np.uint64


@kernel
def fill_bytes(
    x: Any, count: int, threshold: Any, surrogate: Any, peak: Any, slopes: Any, at: Any
) -> None:  # pragma: no cover
    """slopes[at + n] = round(255 sqrt(psi(x[n] - threshold) / peak)) for the first ``count``; x is lost."""
    kind, a, b = surrogate
    scale, half = x.dtype.type(255.0) * x.dtype.type(255.0) / peak, x.dtype.type(0.5)
    for n in range(count):
        x[U(n)] -= threshold
    fill_derivative(x, count, kind, a, b)
    for n in range(count):
        slopes[at + U(n)] = np.uint8(np.int32(np.sqrt(x[U(n)] * scale) + half))


@kernel(parallel=True, takes={"v": "real N", "slopes": "byte N"})
def as_bytes(thread: int, v: Any, threshold: Any, surrogate: Any, peak: Any, slopes: Any) -> None:  # pragma: no cover
    """The derivatives at the potentials ``v`` [entries] as bytes."""
    for block in share(thread, (len(v) + BLOCK - 1) // BLOCK):
        low, count = U(block * BLOCK), min(BLOCK, len(v) - block * BLOCK)
        x = for_block(v)
        for n in range(count):
            x[U(n)] = v[low + U(n)]
        fill_bytes(x, count, threshold, surrogate, peak, slopes, low)


@kernel(
    parallel=True,
    takes={
        "slopes": "byte T N",
        "fired": "byte 0|T N",
        "grad_spikes": "real T|1 N",
        "grad_v": "real T|1 N",
        "grad_last": "real N",
        "errors": "real T N",
        "first": "real N",
        "total": "real 0|N",
    },
)
def backward(
    thread: int,
    slopes: Any,
    fired: Any,
    grad_spikes: Any,
    grad_v: Any,
    grad_last: Any,
    numbers: Any,
    peak: Any,
    errors: Any,
    first: Any,
    total: Any,
) -> None:  # pragma: no cover
    """``membrane.backward`` from slopes and spikes as bytes, [T, N]; no spikes where the reset subtracts."""
    decay, gain = numbers[0], numbers[1]
    steps, size = slopes.shape
    one = errors.dtype.type(1.0)
    unit = peak / errors.dtype.type(255.0 * 255.0)
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count = U(block * BLOCK), min(BLOCK, size - block * BLOCK)
        error, summed = for_block(errors), for_block(errors)
        for n in range(count):
            error[U(n)], summed[U(n)] = grad_last[low + U(n)], 0
        for step in range(steps):
            t = U(steps - 1 - step)
            row_s, row_v = min(t, U(len(grad_spikes) - 1)), min(t, U(len(grad_v) - 1))
            if len(fired):
                for n in range(count):
                    error[U(n)] *= one - fired[t, low + U(n)]
            for n in range(count):
                j = low + U(n)
                root = errors.dtype.type(slopes[t, j])
                e = error[U(n)] + grad_spikes[row_s, j] * (unit * root * root) + grad_v[row_v, j]
                errors[t, j] = gain * e
                summed[U(n)] += gain * e
                error[U(n)] = decay * e
        for n in range(count):
            first[low + U(n)] = error[U(n)]
        if len(total):
            for n in range(count):
                total[low + U(n)] = summed[U(n)]
