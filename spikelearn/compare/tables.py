"""Long tables of one trial: a row an epoch, and a row an epoch and block."""

import math
from collections.abc import Mapping
from typing import Any

from spikelearn.compare.curves import summed
from spikelearn.compare.measured import epochs_in, looks_in, number_in

#: Columns of a row an epoch, and of a row an epoch and block.
CURVE = ("epoch", "seconds", "samples", "train_accuracy", "validation_accuracy", "test_accuracy", "loss", "lr")
BLOCK = ("epoch", "block", "rate", "silent", "saturated", "alignment")

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def curve_rows(record: Mapping[str, Any]) -> Table:
    """Names of the columns, and a row an epoch; seconds and samples are summed up to its end."""
    epochs = epochs_in(record)
    sums = [
        summed([None if math.isnan(part := number_in(entry, name)) else part for entry in epochs])
        for name in ("seconds", "samples")
    ]
    rows = [
        (entry["epoch"], *totals, *[number_in(entry, name) for name in CURVE[3:]])
        for entry, *totals in zip(epochs, *sums, strict=True)
    ]
    return CURVE, rows


def block_rows(record: Mapping[str, Any]) -> Table:
    """Names of the columns, and a row an epoch and block, that before the first epoch included."""
    rows: list[tuple[Any, ...]] = []
    for entry in looks_in(record):
        activity, rates, aligned = (_part(entry, name) for name in ("activity", "rates", "alignment"))
        for block in dict.fromkeys((*activity, *rates, *aligned)):
            seen = activity.get(block)
            seen = seen if isinstance(seen, dict) else {"rate": rates.get(block)}
            parts = [number_in(seen, name) for name in ("rate", "silent", "saturated")]
            rows.append((entry["epoch"], block, *parts, number_in(aligned, block)))
    return BLOCK, rows


def _part(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = entry.get(name)
    return found if isinstance(found, dict) else {}
