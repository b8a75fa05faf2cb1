"""CubaLIF over a whole sequence, in the manner of ``membrane``: a synaptic filter before the membrane."""

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
    """v, spikes and the same as bytes, [T, N], the last state (v, i), and every block's spikes."""
    decay, gain, leak, _, limit, keep, offset, decay_syn, gain_syn = numbers
    steps, size = v.shape
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count, fires = U(block * BLOCK), min(BLOCK, size - block * BLOCK), 0
        u, i = for_block(v), for_block(v)
        d, g, c = of_block(decay, low, count), of_block(gain, low, count), of_block(leak, low, count)
        h, o = of_block(limit, low, count), of_block(offset, low, count)
        d_syn, g_syn = of_block(decay_syn, low, count), of_block(gain_syn, low, count)
        for n in range(count):
            u[U(n)], i[U(n)] = start[0][low + U(n)], start[1][low + U(n)]
        for t in range(steps):
            now, given = U(t), U(min(t, len(current) - 1))
            for n in range(count):
                j = low + U(n)
                i[U(n)] = at(d_syn, U(n)) * i[U(n)] + at(g_syn, U(n)) * current[given, j]
                x = at(d, U(n)) * u[U(n)] + (at(g, U(n)) * i[U(n)] + at(c, U(n)))
                z = x > at(h, U(n))
                v[now, j] = x
                spikes[now, j] = z
                fired[now, j] = z
                fires += z
                u[U(n)] = keep * x + at(o, U(n)) if z else x
        active[block] = fires
        for n in range(count):
            last[0][low + U(n)], last[1][low + U(n)] = u[U(n)], i[U(n)]


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
    """The error at every current, [T, N], its sum over time, [N] unless empty, and that at the initial (v, i)."""
    decay, gain, _, threshold, limit, keep, offset, decay_syn, gain_syn = numbers
    kind, a, b = surrogate
    steps, size = v.shape
    one = v.dtype.type(1.0)
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count = U(block * BLOCK), min(BLOCK, size - block * BLOCK)
        error, psi, summed = for_block(v), for_block(v), for_block(v)
        error_i = for_block(v)
        d, g, c = of_block(decay, low, count), of_block(gain, low, count), of_block(threshold, low, count)
        h, o = of_block(limit, low, count), of_block(offset, low, count)
        d_syn, g_syn = of_block(decay_syn, low, count), of_block(gain_syn, low, count)
        for n in range(count):
            error[U(n)], error_i[U(n)] = grad_last[0][low + U(n)], grad_last[1][low + U(n)]
            summed[U(n)] = 0
        for step in range(steps):
            t = U(steps - 1 - step)
            row_s, row_v = min(t, U(len(grad_spikes) - 1)), min(t, U(len(grad_v) - 1))
            for n in range(count):
                psi[U(n)] = v[t, low + U(n)] - at(c, U(n))
            fill_derivative(psi, count, kind, a, b)
            for n in range(count):
                j = low + U(n)
                x = v[t, j]
                kept = keep if x > at(h, U(n)) else one
                if reset_gradient:
                    kept += (at(o, U(n)) - (one - keep) * x) * psi[U(n)]
                e = error[U(n)] * kept + grad_spikes[row_s, j] * psi[U(n)] + grad_v[row_v, j]
                arriving = error_i[U(n)] + at(g, U(n)) * e
                errors[t, j] = at(g_syn, U(n)) * arriving
                summed[U(n)] += at(g_syn, U(n)) * arriving
                error[U(n)], error_i[U(n)] = at(d, U(n)) * e, at(d_syn, U(n)) * arriving
        for n in range(count):
            first[0][low + U(n)], first[1][low + U(n)] = error[U(n)], error_i[U(n)]
        if len(total):
            for n in range(count):
                total[low + U(n)] = summed[U(n)]
