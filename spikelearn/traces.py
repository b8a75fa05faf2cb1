"""Exponential traces of spike records, forward and reversed in time."""

from importlib.util import find_spec

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.events import is_plain


def trace(record: Tensor, decay: float, start: Tensor | None = None) -> Tensor:
    r"""Exponential trace, $x[t] = \lambda\,x[t-1] + s[t]$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1].
        start: x[-1], [...]; None: 0.

    Shapes: result has the shape of ``record``.
    """
    check_fraction("decay", decay)
    if record.ndim > 1 and _may_be_compiled(record, start):
        from spikelearn.trace_kernels import trace_forward

        return trace_forward(record, decay, start)
    steps, running = [], torch.zeros_like(record[0]) if start is None else start
    for now in record.unbind(0):
        running = decay * running + now
        steps.append(running)
    return torch.stack(steps)


def low_pass(record: Tensor, decay: float) -> Tensor:
    r"""Trace of unit area, $a[t] = \lambda\,a[t-1] + (1-\lambda)\,s[t]$ with $a[-1] = 0$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1].

    Shapes: result has the shape of ``record``.
    """
    return trace((1.0 - decay) * record, decay)


def reverse_trace(record: Tensor, decay: float) -> Tensor:
    r"""Trace that runs backwards in time, $y[t] = \lambda\,y[t+1] + s[t]$ with $y[T] = 0$.

    The time filter of a factor may stand on either side:
    $\sum_t \mathrm{trace}(a)[t]\,b[t] = \sum_t a[t]\,\mathrm{reverse\_trace}(b)[t]$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1].

    Shapes: result has the shape of ``record``.
    """
    check_fraction("decay", decay)
    if record.ndim > 1 and _may_be_compiled(record, None):
        from spikelearn.trace_kernels import trace_backward

        return trace_backward(record, decay)
    return trace(record.flip(0), decay).flip(0)


def weighted_rate(record: Tensor, decay: float, *, dtype: torch.dtype | None = None) -> Tensor:
    r"""Mean in which recent steps weigh more, $\sum_t \lambda^{T-1-t} s[t] / \sum_t \lambda^t$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1]; 1: the plain mean.
        dtype: floating-point type of the result; None: that of ``record``. Spikes as bytes need it.

    Shapes: result has the shape of ``record[0]``.
    """
    check_fraction("decay", decay)
    total = torch.zeros_like(record[0], dtype=dtype)
    for now in record.unbind(0):
        total = decay * total + now
    return total / geometric_sum(decay, len(record))


def geometric_sum(decay: float, steps: int) -> float:
    r"""$\sum_{t<T} \lambda^t$."""
    return float(steps) if decay == 1.0 else (1.0 - decay**steps) / (1.0 - decay)


def _may_be_compiled(record: Tensor, start: Tensor | None) -> bool:
    """Whether nobody differentiates, and a loop over memory gives the same values."""
    given = [record] if start is None else [record, start]
    return (
        all(is_plain(tensor) and not (tensor.requires_grad and torch.is_grad_enabled()) for tensor in given)
        and all(tensor.device.type == "cpu" and tensor.dtype == record.dtype for tensor in given)
        and record.dtype in (torch.float32, torch.float64)
        and find_spec("numba") is not None
    )
