"""Surrogate derivatives, and what the Triton kernels of all neurons share.

Numbers that a user chooses are float64 arguments and are rounded once to the type of the state, as torch does.
"""

import triton
import triton.language as tl


@triton.jit
def psi(x, kind: tl.constexpr, a, b):
    """psi(x) by the codes of ``SurrogateCode``; a and b shaped like x."""
    if kind == 1:
        scaled = x * (a * 1.5707963267948966)
        slope = a * 0.5 / (1.0 + scaled * scaled)
    elif kind == 2:
        scaled = 1.0 + a * tl.abs(x)
        slope = 1.0 / (scaled * scaled)
    elif kind == 3:
        slope = tl.maximum(b - tl.abs(x) * (b / a), 0.0)
    elif kind == 4:
        # The slope is even: taken on the falling side, 1 - y loses nothing to rounding.
        y = 1.0 / (1.0 + tl.exp(tl.abs(x) * a))
        slope = a * y * (1.0 - y)
    elif kind == 5:
        slope = tl.where(tl.abs(x) < a, b, 0.0)
    else:
        slope = x * 0.0
    return slope


@triton.jit
def columns(block: tl.constexpr):
    """The elements of one step that this program carries through time."""
    return tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)


@triton.jit
def read(pointer, place, inside, real: tl.constexpr):
    """Values at ``place`` in the type of the state; zeros where there is nothing to read from."""
    return tl.full(place.shape, 0.0, real) if pointer is None else tl.load(pointer + place, inside, 0.0).to(real)


@triton.jit
def fires(v, threshold, inclusive: tl.constexpr):
    """The test, true or false."""
    return v >= threshold if inclusive else v > threshold


@triton.jit
def after_reset(v, fired, threshold, v_reset, subtract: tl.constexpr):
    """The potential after reset, with the eager loop's values exactly."""
    return tl.where(fired, v - threshold if subtract else v_reset, v)


@triton.jit
def before_reset(error, v, fired, slope, threshold, v_reset, subtract: tl.constexpr, through_reset: tl.constexpr):
    """The error at a potential, of the ``error`` after its reset; ``slope`` is psi."""
    kept = error if subtract else tl.where(fired, 0.0, error)
    if through_reset:
        kept += reset_slope(v, threshold, v_reset, subtract) * error * slope
    return kept


@triton.jit
def reset_slope(v, threshold, v_reset, subtract: tl.constexpr):
    """Derivative of the potential after reset in the spike."""
    return -threshold if subtract else v_reset - v
