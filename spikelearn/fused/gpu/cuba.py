"""CubaLIF over a whole sequence on a GPU: the kernels of ``membrane`` behind a synaptic filter."""

import triton
import triton.language as tl

from spikelearn.fused.gpu.surrogates import after_reset, before_reset, columns, fires, psi, read


@triton.jit(do_not_specialize=["steps"])
def forward(
    current,
    v_start,
    i_start,
    spikes,
    v,
    v_last,
    i_last,
    n,
    steps,
    row,
    decay_syn: tl.float64,
    gain_syn: tl.float64,
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
    """spikes and v [steps, n], v_last and i_last [n]; ``row`` is the distance of steps in ``current``."""
    column = columns(block)
    inside = column < n
    decay_syn, gain_syn = tl.full([block], decay_syn, real), tl.full([block], gain_syn, real)
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    leak = tl.full([block], leak, real)
    u, i = read(v_start, column, inside, real), read(i_start, column, inside, real)
    drive = read(current, column, inside, real)
    place, ahead = column, column + row
    following = read(current, ahead, inside & (steps > 1), real)
    for t in range(steps):
        ahead += row
        later = read(current, ahead, inside & (t + 2 < steps), real)
        i = decay_syn * i + gain_syn * drive
        potential = decay * u + (gain * i + leak)
        seen = potential.to(v.dtype.element_ty)
        fired = fires(seen.to(real), threshold, inclusive)
        tl.store(v + place, seen, inside)
        tl.store(spikes + place, fired.to(real), inside)
        u = after_reset(potential, fired, threshold, v_reset, subtract)
        drive, following = following, later
        place += n
    tl.store(v_last + column, u, inside)
    tl.store(i_last + column, i, inside)


@triton.jit(do_not_specialize=["steps"])
def backward(
    v,
    grad_spikes,
    grad_v,
    grad_v_last,
    grad_i_last,
    grad_current,
    grad_v_start,
    grad_i_start,
    n,
    steps,
    row_spikes,
    row_v,
    decay_syn: tl.float64,
    gain_syn: tl.float64,
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
    """grad_current [steps, n] and those of the states [n]; any of the gradients given may be None."""
    column = columns(block)
    inside = column < n
    decay_syn, gain_syn = tl.full([block], decay_syn, real), tl.full([block], gain_syn, real)
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    a, b = tl.full([block], a, real), tl.full([block], b, real)
    error, error_i = read(grad_v_last, column, inside, real), read(grad_i_last, column, inside, real)
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
        error_i += gain * error
        tl.store(grad_current + place, gain_syn * error_i, inside)
        error *= decay
        error_i *= decay_syn
        potential, from_spikes, from_v = potential_before, spikes_before, v_before
        place -= n
    tl.store(grad_v_start + column, error, inside)
    tl.store(grad_i_start + column, error_i, inside)
