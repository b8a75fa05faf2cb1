"""CubaLIF under the TSSL adjoint over a whole sequence on a GPU: errors and synaptic filter in one pass back."""

import triton
import triton.language as tl

from spikelearn.fused.gpu.surrogates import columns, read


@triton.jit(do_not_specialize=["steps"])
def forward(
    current,
    v_start,
    i_start,
    spikes,
    v,
    silent,
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
    real: tl.constexpr,
    block: tl.constexpr,
):
    """spikes and v [steps, n], v_last and i_last [n]; ``silent`` [steps, n] too unless it is None."""
    column = columns(block)
    inside = column < n
    least = tl.full([block], (1.0 - decay_syn) / 4.0, real)
    step_up = tl.full([block], 1.0 - decay_syn, real)
    decay_syn, gain_syn = tl.full([block], decay_syn, real), tl.full([block], gain_syn, real)
    decay, gain = tl.full([block], decay, real), tl.full([block], gain, real)
    threshold = tl.full([block], threshold, real)
    u, i = read(v_start, column, inside, real), read(i_start, column, inside, real)
    low_pass = tl.full([block], 0.0, real)
    drive = read(current, column, inside, real)
    place, ahead = column, column + row
    following = read(current, ahead, inside & (steps > 1), real)
    for t in range(steps):
        ahead += row
        later = read(current, ahead, inside & (t + 2 < steps), real)
        i = decay_syn * i + gain_syn * drive
        potential = decay * u + gain * i
        seen = potential.to(v.dtype.element_ty)
        fired = seen.to(real) > threshold
        tl.store(v + place, seen, inside)
        tl.store(spikes + place, fired.to(real), inside)
        if silent is not None:
            low_pass = decay_syn * low_pass + step_up * fired.to(real)
            tl.store(silent + place, low_pass < least, inside)
        u = tl.where(fired, 0.0, potential)
        drive, following = following, later
        place += n
    tl.store(v_last + column, u, inside)
    tl.store(i_last + column, i, inside)


@triton.jit(do_not_specialize=["steps"])
def backward(
    v,
    v_start,
    silent,
    q,
    grad_current,
    n,
    steps,
    row,
    decay_syn: tl.float64,
    decay: tl.float64,
    gain: tl.float64,
    threshold: tl.float64,
    through_reset: tl.float64,
    cap: tl.float64,
    warm_up: tl.constexpr,
    intra: tl.constexpr,
    width: tl.constexpr,
    largest: tl.constexpr,
    real: tl.constexpr,
    block: tl.constexpr,
):
    """grad_current [steps, n] of q [steps, n]; ``gain`` is that of synapse and membrane together."""
    column = columns(block)
    inside = column < n
    decay_syn, decay = tl.full([block], decay_syn, real), tl.full([block], decay, real)
    gain, threshold = tl.full([block], gain, real), tl.full([block], threshold, real)
    through_reset, cap = tl.full([block], through_reset, real), tl.full([block], cap, real)
    start = read(v_start, column, inside, real)
    error, filtered = tl.full([block], 0.0, real), tl.full([block], 0.0, real)
    last = tl.cast(steps - 1, tl.int64)
    place, at_q = column + last * n, column + last * row
    potential, arriving = read(v, place, inside, real), read(q, at_q, inside, real)
    below = read(silent, place, inside, real)
    for t in range(steps):
        at_q -= row
        more = inside & (t + 1 < steps)
        potential_before, arriving_before = read(v, place - n, more, real), read(q, at_q, more, real)
        below_before = read(silent, place - n, more, real)
        fired = potential > threshold
        left = tl.where(potential_before > threshold, 0.0, potential_before)
        rise = potential - tl.where(t + 1 < steps, left, start)
        c = tl.where(fired, tl.minimum(tl.maximum(1.0 / rise, 0.0), cap), 0.0)
        if intra:
            passed = tl.where(fired, 0.0, decay) + through_reset * potential * c
            error = error * passed + c * arriving
        else:
            error = c * arriving
        h = error
        if warm_up != "never":
            y = 1.0 / (1.0 + tl.exp(tl.minimum(tl.abs(potential - threshold) / width, largest)))
            h = arriving * (y * (1.0 - y) / width)
        if warm_up == "element":
            h = tl.where(below != 0.0, h, error)
        filtered = h + decay_syn * filtered
        tl.store(grad_current + place, gain * filtered, inside)
        potential, arriving, below = potential_before, arriving_before, below_before
        place -= n
