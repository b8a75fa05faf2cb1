"""Columns of a comparison's tables, taken from the record of one trial; missing numbers become NaN."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spikelearn.bench.analyse.curves import RELATIVE_TOLERANCE, WINDOW, Plateau, plateau, summed
from spikelearn.bench.run.trial_record import Activity, Tested, TrialRecord

Cells = list[tuple[Any, ...]]


def value_text(value: Any) -> str:
    """A setting's value as text: 0.1, true, sd=0.1 and seed=3 joined by commas."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(item) for item in value)
    return (
        {True: "true", False: "false", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def number(value: Any) -> float:
    """The number; NaN for None."""
    return math.nan if value is None else float(value)


def mean_known(values: Iterable[float | None]) -> float:
    """The mean of the finite values; NaN where there are none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _plateau(record: TrialRecord) -> Plateau:
    _, values = record.learning_curve()
    if record.measure.share or not values:
        return plateau(values)
    end = values[-WINDOW:]
    return plateau(values, max(RELATIVE_TOLERANCE * abs(sum(end)) / len(end), 1e-300))


def _last(record: TrialRecord, name: str) -> float:
    """A number of the last epoch."""
    return number(getattr(record.epochs[-1], name)) if record.epochs else math.nan


def _alignment(record: TrialRecord) -> float:
    """The mean over blocks at the last entry of the curve that has one."""
    for entry in reversed(record.curve):
        if entry.alignment is not None:
            return mean_known(entry.alignment.values())
    return math.nan


def _signal(record: TrialRecord) -> float:
    """Products of learning that carry its signal: all but those of the weights' gradients, as many as forward."""
    return number(record.learning.dense) - number(record.forward.dense)


#: {column: how it is taken from a record}: None where it was not measured. Scores are the measure of the task, of
#: classes accuracies from 0 to 1. Seconds; bytes; operations and pJ per sample.
MEASURES: Mapping[str, Callable[[TrialRecord], float | str | None]] = {
    "score": lambda record: record.score,
    "unique_accuracy": lambda record: record.unique_accuracy,
    "validation_score": lambda record: record.validation_score,
    "train_score": lambda record: _last(record, "train_score"),
    "loss": lambda record: _last(record, "loss"),
    "plateau": lambda record: _plateau(record).level,
    "epochs_to_plateau": lambda record: _plateau(record).epochs,
    "no_plateau": lambda record: _plateau(record).reason,
    "curve_of": lambda record: record.learning_curve()[0],
    "epochs": lambda record: len(record.epochs),
    "samples": lambda record: sum(number(entry.samples) for entry in record.epochs) if record.epochs else None,
    "seconds": lambda record: record.seconds.training,
    "seconds_per_epoch": lambda record: mean_known(entry.seconds for entry in record.epochs),
    "seconds_run": lambda record: record.seconds.run,
    "seconds_looks": lambda record: record.seconds.looks,
    "seconds_after": lambda record: record.seconds.after,
    "seconds_total": lambda record: record.seconds.total,
    "peak_bytes": lambda record: record.peak_bytes,
    "rise_bytes": lambda record: record.rise_bytes,
    "live_bytes": lambda record: record.payload_bytes.live,
    "saved_bytes": lambda record: record.payload_bytes.saved,
    "forward_acs": lambda record: record.forward.accumulates,
    "forward_macs": lambda record: record.forward.multiply_accumulates,
    "forward_dense": lambda record: record.forward.dense,
    "learning_acs": lambda record: record.learning.accumulates,
    "learning_macs": lambda record: record.learning.multiply_accumulates,
    "learning_dense": lambda record: record.learning.dense,
    "signal_dense": _signal,
    "forward_pj": lambda record: record.energy.forward_pj,
    "learning_pj": lambda record: record.energy.learning_pj,
    "forward_with_memory_pj": lambda record: record.energy.forward_with_memory_pj,
    "learning_with_memory_pj": lambda record: record.energy.learning_with_memory_pj,
    "in_memory_forward_seconds": lambda record: record.in_memory.forward_seconds,
    "in_memory_backward_seconds": lambda record: record.in_memory.backward_seconds,
    "in_memory_joules": lambda record: record.in_memory.joules,
    "writes_share": lambda record: record.writes.share,
    "writes_per_epoch": lambda record: record.writes.per_epoch,
    "writes_total": lambda record: record.writes.total,
    "rate": lambda record: mean_known(block.rate for block in record.activity.values()),
    "silent": lambda record: mean_known(block.silent for block in record.activity.values()),
    "saturated": lambda record: mean_known(block.saturated for block in record.activity.values()),
    "alignment": _alignment,
    "parameters": lambda record: record.parameters,
    "train_samples": lambda record: record.train_samples,
    "test_samples": lambda record: record.test_samples,
    "resumed": lambda record: bool(record.resumed),
    "optimizer": lambda record: record.optimizer,
    "schedule": lambda record: record.schedule,
    "network": lambda record: record.net,
    "weights_fingerprint": lambda record: record.fingerprints.weights,
    "order_fingerprint": lambda record: record.fingerprints.order,
}

#: Those that hold text.
TEXTS = frozenset(
    ("no_plateau", "curve_of", "optimizer", "schedule", "network", "weights_fingerprint", "order_fingerprint")
)

#: The same of a test after something was done to the trained network.
AFTER: Mapping[str, Callable[[Tested], float | None]] = {
    "score": lambda tested: tested.score,
    "unique_accuracy": lambda tested: tested.unique_accuracy,
    "seconds_after": lambda tested: tested.seconds,
}

#: Columns of a row an epoch, and of a row an epoch and block.
CURVE = ("epoch", "seconds", "samples", "train_score", "validation_score", "test_score", "loss", "lr")
BLOCK = ("epoch", "block", "rate", "silent", "saturated", "alignment")


def measures_of(record: TrialRecord) -> dict[str, float | str | None]:
    """{column: its value} of MEASURES; a number that was not measured is NaN."""
    return {name: take(record) if name in TEXTS else number(take(record)) for name, take in MEASURES.items()}


def curve_rows(record: TrialRecord) -> Cells:
    """A row an epoch; seconds and samples are summed up to its end."""
    sums = [summed([getattr(entry, name) for entry in record.epochs]) for name in ("seconds", "samples")]
    return [
        (entry.epoch, *totals, *(number(getattr(entry, name)) for name in CURVE[3:]))
        for entry, *totals in zip(record.epochs, *sums, strict=True)
    ]


def block_rows(record: TrialRecord) -> Cells:
    """A row an epoch and block, that before the first epoch included."""
    rows: Cells = []
    for entry in record.curve:
        activity, aligned = entry.activity or {}, entry.alignment or {}
        for block in dict.fromkeys((*activity, *entry.rates, *aligned)):
            seen = activity.get(block) or Activity(rate=entry.rates.get(block))
            parts = (seen.rate, seen.silent, seen.saturated, aligned.get(block))
            rows.append((entry.epoch, block, *map(number, parts)))
    return rows
