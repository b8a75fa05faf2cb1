"""AdaptiveLIF over a whole sequence on a GPU: the kernels of ``membrane`` with a threshold that moves."""

import triton
import triton.language as tl

from spikelearn.fused.gpu.surrogates import after_reset, columns, fires, psi, read, reset_slope


@triton.jit(do_not_specialize=["steps"])
def forward(
    current,
    v_start,
    a_start,
    spikes,
    compared,
    v,
    v_last,
    a_last,
    n,
    steps,
    row,
    decay_adaptation: tl.float64,
    beta: tl.float64,
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
    """spikes and compared [steps, n], v too unless it is None; v_last and a_last [n]."""
    column = columns(block)
    inside = column < n
    decay_adaptation, beta = tl.full([block], decay_adaptation, real), tl.full([block], beta, real)
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    leak = tl.full([block], leak, real)
    u, adapted = read(v_start, column, inside, real), read(a_start, column, inside, real)
    drive = read(current, column, inside, real)
    place, ahead = column, column + row
    following = read(current, ahead, inside & (steps > 1), real)
    for t in range(steps):
        ahead += row
        later = read(current, ahead, inside & (t + 2 < steps), real)
        potential = decay * u + (gain * drive + leak)
        seen = (potential - beta * adapted).to(compared.dtype.element_ty)
        fired = fires(seen.to(real), threshold, inclusive)
        tl.store(compared + place, seen, inside)
        tl.store(spikes + place, fired.to(real), inside)
        if v is not None:
            tl.store(v + place, potential, inside)
        u = after_reset(potential, fired, threshold, v_reset, subtract)
        adapted = decay_adaptation * adapted + fired.to(real)
        drive, following = following, later
        place += n
    tl.store(v_last + column, u, inside)
    tl.store(a_last + column, adapted, inside)


@triton.jit(do_not_specialize=["steps"])
def backward(
    compared,
    v,
    grad_spikes,
    grad_compared,
    grad_v_last,
    grad_a_last,
    grad_current,
    grad_v_start,
    grad_a_start,
    n,
    steps,
    row_spikes,
    row_compared,
    decay_adaptation: tl.float64,
    beta: tl.float64,
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
    """grad_current [steps, n] and those of the states [n]; any of the gradients given, and v, may be None."""
    column = columns(block)
    inside = column < n
    decay_adaptation, beta = tl.full([block], decay_adaptation, real), tl.full([block], beta, real)
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold, v_reset = tl.full([block], threshold, real), tl.full([block], v_reset, real)
    a, b = tl.full([block], a, real), tl.full([block], b, real)
    error, error_a = read(grad_v_last, column, inside, real), read(grad_a_last, column, inside, real)
    last = tl.cast(steps - 1, tl.int64)
    place, at_spikes, at_v = column + last * n, column + last * row_spikes, column + last * row_compared
    seen, potential = read(compared, place, inside, real), read(v, place, inside, real)
    from_spikes, from_v = read(grad_spikes, at_spikes, inside, real), read(grad_compared, at_v, inside, real)
    for t in range(steps):
        at_spikes -= row_spikes
        at_v -= row_compared
        more = inside & (t + 1 < steps)
        seen_before, potential_before = read(compared, place - n, more, real), read(v, place - n, more, real)
        spikes_before, v_before = read(grad_spikes, at_spikes, more, real), read(grad_compared, at_v, more, real)
        fired = fires(seen, threshold, inclusive)
        error_z = from_spikes + error_a
        if through_reset:
            error_z += reset_slope(potential, threshold, v_reset, subtract) * error
        kept = error if subtract else tl.where(fired, 0.0, error)
        error_compared = psi(seen - threshold, kind, a, b) * error_z + from_v
        error_a = decay_adaptation * error_a - beta * error_compared
        tl.store(grad_current + place, gain * (kept + error_compared), inside)
        error = decay * (kept + error_compared)
        seen, potential, from_spikes, from_v = seen_before, potential_before, spikes_before, v_before
        place -= n
    tl.store(grad_v_start + column, error, inside)
    tl.store(grad_a_start + column, error_a, inside)
