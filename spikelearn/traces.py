"""Exponential traces of spike records, forward and reversed in time."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction


def trace(record: Tensor, decay: float) -> Tensor:
    r"""Exponential trace, $x[t] = \lambda\,x[t-1] + s[t]$ with $x[-1] = 0$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1].

    Shapes: result has the shape of ``record``.
    """
    check_fraction("decay", decay)
    steps, running = [], torch.zeros_like(record[0])
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
    return trace(record.flip(0), decay).flip(0)


def weighted_rate(record: Tensor, decay: float) -> Tensor:
    r"""Mean in which recent steps weigh more, $\sum_t \lambda^{T-1-t} s[t] / \sum_t \lambda^t$.

    Args:
        record: spikes s, [T, ...].
        decay: $\lambda$ per step, in [0, 1]; 1: the plain mean.

    Shapes: result has the shape of ``record[0]``.
    """
    check_fraction("decay", decay)
    total = torch.zeros_like(record[0])
    for now in record.unbind(0):
        total = decay * total + now
    return total / geometric_sum(decay, len(record))


def geometric_sum(decay: float, steps: int) -> float:
    r"""$\sum_{t<T} \lambda^t$."""
    return float(steps) if decay == 1.0 else (1.0 - decay**steps) / (1.0 - decay)
