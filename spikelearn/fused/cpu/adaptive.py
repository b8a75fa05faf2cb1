"""AdaptiveLIF over a whole sequence, in the manner of ``membrane``: the threshold rises with every spike.

The record v is what was compared with the threshold at rest, the potential less the rise.
"""

from typing import Any

from spikelearn.fused.cpu.constants import BLOCK, U, at, for_block, of_block
from spikelearn.fused.cpu.surrogates import fill_derivative
from spikelearn.kernels.compiled import kernel
from spikelearn.kernels.sharing import share


@kernel(
    parallel=True,
    contract=False,
    takes={
        "v": "real T N",
        "current": "real T|1 N",
        "start": "2 real N",
        "spikes": "real T N",
        "fired": "byte T N",
        "last": "2 real N",
        "active": "int (N+2047)//2048",
    },
)
def forward(
    thread: int, current: Any, start: Any, numbers: Any, v: Any, spikes: Any, fired: Any, last: Any, active: Any
) -> None:  # pragma: no cover
    """v, spikes and the same as bytes, [T, N], the last state (v, a), and every block's spikes."""
    decay, gain, leak, _, limit, keep, offset, decay_adaptation, beta = numbers
    steps, size = v.shape
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count, fires = U(block * BLOCK), min(BLOCK, size - block * BLOCK), 0
        u, a = for_block(v), for_block(v)
        d, g, c = of_block(decay, low, count), of_block(gain, low, count), of_block(leak, low, count)
        h, o = of_block(limit, low, count), of_block(offset, low, count)
        fall, rise = of_block(decay_adaptation, low, count), of_block(beta, low, count)
        for n in range(count):
            u[U(n)], a[U(n)] = start[0][low + U(n)], start[1][low + U(n)]
        for t in range(steps):
            now, given = U(t), U(min(t, len(current) - 1))
            for n in range(count):
                j = low + U(n)
                x = at(d, U(n)) * u[U(n)] + (at(g, U(n)) * current[given, j] + at(c, U(n)))
                compared = x - at(rise, U(n)) * a[U(n)]
                z = compared > at(h, U(n))
                v[now, j] = compared
                spikes[now, j] = z
                fired[now, j] = z
                fires += z
                u[U(n)] = keep * x + at(o, U(n)) if z else x
                a[U(n)] = at(fall, U(n)) * a[U(n)] + v.dtype.type(z)
        active[block] = fires
        for n in range(count):
            last[0][low + U(n)], last[1][low + U(n)] = u[U(n)], a[U(n)]


@kernel(
    parallel=True,
    takes={
        "v": "real T N",
        "grad_spikes": "real T|1 N",
        "grad_v": "real T|1 N",
        "grad_last": "2 real N",
        "errors": "real T N",
        "first": "2 real N",
        "total": "real 0|N",
    },
)
def backward(
    thread: int,
    v: Any,
    grad_spikes: Any,
    grad_v: Any,
    grad_last: Any,
    numbers: Any,
    surrogate: Any,
    reset_gradient: bool,
    errors: Any,
    first: Any,
    total: Any,
) -> None:  # pragma: no cover
    """The error at every current, [T, N], its sum over time, [N] unless empty, and that at the initial (v, a).

    ``reset_gradient`` is for subtractive resets alone: the potential itself is not there.
    """
    decay, gain, _, threshold, limit, keep, offset, decay_adaptation, beta = numbers
    kind, a, b = surrogate
    steps, size = v.shape
    one = v.dtype.type(1.0)
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count = U(block * BLOCK), min(BLOCK, size - block * BLOCK)
        error, psi, summed = for_block(v), for_block(v), for_block(v)
        error_a = for_block(v)
        d, g, c = of_block(decay, low, count), of_block(gain, low, count), of_block(threshold, low, count)
        h, o = of_block(limit, low, count), of_block(offset, low, count)
        fall, rise = of_block(decay_adaptation, low, count), of_block(beta, low, count)
        for n in range(count):
            error[U(n)], error_a[U(n)] = grad_last[0][low + U(n)], grad_last[1][low + U(n)]
            summed[U(n)] = 0
        for step in range(steps):
            t = U(steps - 1 - step)
            row_s, row_v = min(t, U(len(grad_spikes) - 1)), min(t, U(len(grad_v) - 1))
            for n in range(count):
                psi[U(n)] = v[t, low + U(n)] - at(c, U(n))
            fill_derivative(psi, count, kind, a, b)
            for n in range(count):
                j = low + U(n)
                at_spike = grad_spikes[row_s, j] + error_a[U(n)]
                if reset_gradient:
                    at_spike += error[U(n)] * at(o, U(n))
                compared = at_spike * psi[U(n)] + grad_v[row_v, j]
                e = compared + error[U(n)] * (keep if v[t, j] > at(h, U(n)) else one)
                errors[t, j] = at(g, U(n)) * e
                summed[U(n)] += at(g, U(n)) * e
                error[U(n)] = at(d, U(n)) * e
                error_a[U(n)] = at(fall, U(n)) * error_a[U(n)] - at(rise, U(n)) * compared
        for n in range(count):
            first[0][low + U(n)], first[1][low + U(n)] = error[U(n)], error_a[U(n)]
        if len(total):
            for n in range(count):
                total[low + U(n)] = summed[U(n)]
