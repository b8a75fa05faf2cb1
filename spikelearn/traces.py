"""Exponential traces of spike records, forward and reversed in time."""

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.fast_path import is_plain
from spikelearn.kernels.calling import array


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
        return _compiled(record, decay, start, backward=False)
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
        return _compiled(record, decay, None, backward=True)
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


def step_weights(valid: Tensor, decay: float = 1.0, *, dtype: torch.dtype | None = None) -> Tensor:
    r"""Weights of the valid steps of each sample, which sum to 1: $\lambda^k$ for the step that k valid ones follow.

    Their sum over a padded record is what ``weighted_rate`` gives of the record without its padding.

    Args:
        valid: steps that count, bool [T, B].
        decay: $\lambda$ per step, in [0, 1]; 1: the plain mean.
        dtype: floating-point type of the result; None: torch's default.

    Shapes: result [T, B].
    """
    check_fraction("decay", decay)
    after = valid.sum(0) - valid.cumsum(0)
    weights = torch.where(valid, decay ** after.to(dtype or torch.get_default_dtype()), 0.0)
    return weights / weights.sum(0)


def over_steps(record: Tensor, weights: Tensor) -> Tensor:
    """Sum over time of ``record`` [T, B, ...] by ``weights`` [T, B], [B, ...]."""
    return (record * weights.view(*weights.shape, *(1 for _ in record.shape[2:]))).sum(0)


def geometric_sum(decay: float, steps: int) -> float:
    r"""$\sum_{t<T} \lambda^t$."""
    return float(steps) if decay == 1.0 else (1.0 - decay**steps) / (1.0 - decay)


def _may_be_compiled(record: Tensor, start: Tensor | None) -> bool:
    """Tell whether nobody differentiates, and a loop over memory gives the same values."""
    given = [record] if start is None else [record, start]
    return (
        all(is_plain(tensor) and not (tensor.requires_grad and torch.is_grad_enabled()) for tensor in given)
        and all(tensor.device.type == "cpu" and tensor.dtype == record.dtype for tensor in given)
        and record.dtype in (torch.float32, torch.float64)
    )


def _compiled(record: Tensor, decay: float, start: Tensor | None, *, backward: bool) -> Tensor:
    # Imported when it is first needed: numba takes longer to import than most commands to run.
    from spikelearn.kernels import traces as kernels

    rows = record.detach().reshape(len(record), -1).contiguous()
    first = rows.new_zeros(rows.shape[1]) if start is None else start.detach().reshape(-1).contiguous()
    result = torch.empty_like(rows)
    # The decay rounded to the record's type, as torch multiplies.
    factor = torch.tensor([decay], dtype=record.dtype)
    loop = kernels.backward if backward else kernels.forward
    loop(array(rows), array(result), array(factor), array(first))
    return result.view(record.shape)
