"""Compiled loops of exponential traces: one pass over memory, equal to the torch loop bit for bit."""

from typing import Any

from spikelearn.kernels.compiled import kernel


@kernel(contract=False, takes={"rows": "real T N", "result": "real T N", "factor": "real 1", "before": "real N"})
def forward(rows: Any, result: Any, factor: Any, before: Any) -> Any:  # pragma: no cover
    decay = factor[0]
    for t in range(rows.shape[0]):
        row, out = rows[t], result[t]
        for i in range(row.size):
            out[i] = decay * before[i] + row[i]
        before = out


@kernel(contract=False, takes={"rows": "real T N", "result": "real T N", "factor": "real 1", "after": "real N"})
def backward(rows: Any, result: Any, factor: Any, after: Any) -> Any:  # pragma: no cover
    decay = factor[0]
    for back in range(rows.shape[0]):
        t = rows.shape[0] - 1 - back
        row, out = rows[t], result[t]
        for i in range(row.size):
            out[i] = decay * after[i] + row[i]
        after = out
