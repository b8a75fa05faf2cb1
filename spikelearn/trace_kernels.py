"""Exponential traces in one pass over memory, equal to the torch loop bit for bit."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.compiled import array, kernel


def trace_forward(record: Tensor, decay: float, start: Tensor | None) -> Tensor:
    """x[t] = decay x[t-1] + s[t], from ``start``."""
    rows, result = _rows(record)
    _forward(array(rows), array(result), array(_factor(record, decay)), array(_first(rows, start)))
    return result.view(record.shape)


def trace_backward(record: Tensor, decay: float) -> Tensor:
    """y[t] = decay y[t+1] + s[t], from 0."""
    rows, result = _rows(record)
    _backward(array(rows), array(result), array(_factor(record, decay)), array(_first(rows, None)))
    return result.view(record.shape)


def _rows(record: Tensor) -> tuple[Tensor, Tensor]:
    rows = record.detach().reshape(len(record), -1).contiguous()
    return rows, torch.empty_like(rows)


def _first(rows: Tensor, start: Tensor | None) -> Tensor:
    return rows.new_zeros(rows.shape[1]) if start is None else start.detach().reshape(-1).contiguous()


def _factor(record: Tensor, decay: float) -> Tensor:
    """The decay rounded to the record's type, as torch multiplies."""
    return torch.tensor([decay], dtype=record.dtype)


@kernel(contract=False)
def _forward(rows: Any, result: Any, factor: Any, before: Any) -> Any:  # pragma: no cover
    decay = factor[0]
    for t in range(rows.shape[0]):
        row, out = rows[t], result[t]
        for i in range(row.size):
            out[i] = decay * before[i] + row[i]
        before = out


@kernel(contract=False)
def _backward(rows: Any, result: Any, factor: Any, after: Any) -> Any:  # pragma: no cover
    decay = factor[0]
    for back in range(rows.shape[0]):
        t = rows.shape[0] - 1 - back
        row, out = rows[t], result[t]
        for i in range(row.size):
            out[i] = decay * after[i] + row[i]
        after = out
