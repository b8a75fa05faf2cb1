"""LIF and IF over a whole sequence on a GPU, a program for every block of neurons, its state in registers.

Forward does the operations of the eager loop in their order, each rounded by itself; where the record has half
precision the state has single precision. Loads run two steps ahead of what they feed, for they do not depend on it.
"""

import triton
import triton.language as tl

from spikelearn.fused.gpu.surrogates import after_reset, before_reset, columns, fires, psi, read


@triton.jit(do_not_specialize=["steps"])
def forward(
    current,
    v_start,
    spikes,
    v,
    v_last,
    n,
    steps,
    row,
    decay: tl.float64,
    gain: tl.float64,
    threshold: tl.float64,
    v_reset: tl.float64,
    leak: tl.float64,
    subtract: tl.constexpr,
    inclusive: tl.constexpr,
    real: tl.constexpr,
    block: tl.constexpr,
):
    """spikes and v [steps, n], v_last [n]; ``row`` is the distance of steps in ``current``, 0 for a constant record."""
    column = columns(block)
    inside = column < n
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    leak = tl.full([block], leak, real)
    u = read(v_start, column, inside, real)
    drive = read(current, column, inside, real)
    place, ahead = column, column + row
    following = read(current, ahead, inside & (steps > 1), real)
    for t in range(steps):
        ahead += row
        later = read(current, ahead, inside & (t + 2 < steps), real)
        potential = decay * u + (gain * drive + leak)
        seen = potential.to(v.dtype.element_ty)
        fired = fires(seen.to(real), threshold, inclusive)
        tl.store(v + place, seen, inside)
        tl.store(spikes + place, fired.to(real), inside)
        u = after_reset(potential, fired, threshold, v_reset, subtract)
        drive, following = following, later
        place += n
    tl.store(v_last + column, u, inside)


@triton.jit(do_not_specialize=["steps"])
def backward(
    v,
    grad_spikes,
    grad_v,
    grad_last,
    grad_current,
    grad_start,
    n,
    steps,
    row_spikes,
    row_v,
    decay: tl.float64,
    gain: tl.float64,
    threshold: tl.float64,
    v_reset: tl.float64,
    a: tl.float64,
    b: tl.float64,
    kind: tl.constexpr,
    through_reset: tl.constexpr,
    subtract: tl.constexpr,
    inclusive: tl.constexpr,
    real: tl.constexpr,
    block: tl.constexpr,
):
    """grad_current [steps, n] and grad_start [n]; the spikes are told from v, and any of the gradients may be None."""
    column = columns(block)
    inside = column < n
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    a, b = tl.full([block], a, real), tl.full([block], b, real)
    error = read(grad_last, column, inside, real)
    last = tl.cast(steps - 1, tl.int64)
    place, at_spikes, at_v = column + last * n, column + last * row_spikes, column + last * row_v
    potential = read(v, place, inside, real)
    from_spikes, from_v = read(grad_spikes, at_spikes, inside, real), read(grad_v, at_v, inside, real)
    for t in range(steps):
        at_spikes -= row_spikes
        at_v -= row_v
        more = inside & (t + 1 < steps)
        potential_before = read(v, place - n, more, real)
        spikes_before, v_before = read(grad_spikes, at_spikes, more, real), read(grad_v, at_v, more, real)
        fired = fires(potential, threshold, inclusive)
        slope = psi(potential - threshold, kind, a, b)
        error = before_reset(error, potential, fired, slope, threshold, v_reset, subtract, through_reset)
        error += slope * from_spikes + from_v
        tl.store(grad_current + place, gain * error, inside)
        error *= decay
        potential, from_spikes, from_v = potential_before, spikes_before, v_before
        place -= n
    tl.store(grad_start + column, error, inside)
