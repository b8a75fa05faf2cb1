"""CubaLIF under the adjoint TSSL, over a whole sequence, in the manner of ``membrane``."""

from typing import Any

from spikelearn.fused.cpu.constants import BLOCK, U, for_block
from spikelearn.fused.cpu.surrogates import falling_exponential
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
        "silent": "byte T N",
        "last": "2 real N",
        "active": "int (N+2047)//2048",
    },
)
def forward(
    thread: int,
    current: Any,
    start: Any,
    numbers: Any,
    v: Any,
    spikes: Any,
    fired: Any,
    silent: Any,
    last: Any,
    active: Any,
) -> None:  # pragma: no cover
    """v, spikes and the same as bytes, where the surrogate stands in, [T, N], the last (v, i), every block's spikes."""
    decay, gain, threshold, decay_syn, gain_syn = numbers
    steps, size = v.shape
    one = v.dtype.type(1.0)
    follow = one - decay_syn
    low_trace = follow / v.dtype.type(4.0)
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count, fires = U(block * BLOCK), min(BLOCK, size - block * BLOCK), 0
        u, i, trace = for_block(v), for_block(v), for_block(v)
        for n in range(count):
            u[U(n)], i[U(n)] = start[0][low + U(n)], start[1][low + U(n)]
            trace[U(n)] = 0
        for t in range(steps):
            now, given = U(t), U(min(t, len(current) - 1))
            for n in range(count):
                j = low + U(n)
                i[U(n)] = decay_syn * i[U(n)] + gain_syn * current[given, j]
                x = decay * u[U(n)] + gain * i[U(n)]
                z = x > threshold
                v[now, j] = x
                spikes[now, j] = z
                fired[now, j] = z
                fires += z
                u[U(n)] = 0 if z else x
                trace[U(n)] = decay_syn * trace[U(n)] + (follow if z else 0)
                silent[now, j] = trace[U(n)] < low_trace
        active[block] = fires
        for n in range(count):
            last[0][low + U(n)], last[1][low + U(n)] = u[U(n)], i[U(n)]


@kernel(
    parallel=True,
    takes={
        "v": "real T N",
        "start": "real N",
        "silent": "byte T|1 N",
        "q": "real T|1 N",
        "errors": "real T N",
    },
)
def backward(
    thread: int,
    v: Any,
    start: Any,
    silent: Any,
    q: Any,
    numbers: Any,
    through_reset: Any,
    cap: Any,
    width: Any,
    largest: Any,
    intra: bool,
    errors: Any,
) -> None:  # pragma: no cover
    """The error at every current, [T, N]; ``silent`` and ``q`` are [T, N], or [1, N] where all steps are the same."""
    decay, gain, threshold, decay_syn, gain_syn = numbers
    steps, size = v.shape
    zero, one = v.dtype.type(0.0), v.dtype.type(1.0)
    scale = gain * gain_syn
    for block in share(thread, (size + BLOCK - 1) // BLOCK):
        low, count = U(block * BLOCK), min(BLOCK, size - block * BLOCK)
        error, filtered, slope = for_block(v), for_block(v), for_block(v)
        for n in range(count):
            error[U(n)], filtered[U(n)] = 0, 0
        for step in range(steps):
            t = U(steps - 1 - step)
            row_s, row_q, before = min(t, U(len(silent) - 1)), min(t, U(len(q) - 1)), t - U(1) if t else t
            for n in range(count):
                # The slope is even: taken on the falling side, 1 - y loses nothing to rounding.
                far = falling_exponential(min(abs(v[t, low + U(n)] - threshold) / width, largest), 4)
                slope[U(n)] = far / ((1.0 + far) * (1.0 + far)) / width
            for n in range(count):
                j = low + U(n)
                u, earlier = v[t, j], v[before, j]
                kept = (zero if earlier > threshold else earlier) if step + 1 < steps else start[j]
                rise = u - kept
                fires = u > threshold
                c = cap
                if not fires or rise < zero:
                    c = zero
                elif rise * cap > one:
                    c = one / rise
                if intra:
                    error[U(n)] *= (zero if fires else decay) + through_reset * u * c
                else:
                    error[U(n)] = zero
                error[U(n)] += c * q[row_q, j]
                h = slope[U(n)] * q[row_q, j] if silent[row_s, j] else error[U(n)]
                filtered[U(n)] = h + decay_syn * filtered[U(n)]
                errors[t, j] = scale * filtered[U(n)]
