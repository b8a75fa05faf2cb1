"""Columns of a comparison's table: what is taken from the record of one trial. Nothing here can fail."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from spikelearn.compare.curves import Plateau, plateau

Take = Callable[[Mapping[str, Any]], Any]


def number_in(record: Mapping[str, Any], *path: str) -> float:
    """The number at ``path``; NaN where there is none."""
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else math.nan


def text_in(record: Mapping[str, Any], *path: str) -> str | None:
    """The text at ``path``; None where there is none."""
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def epochs_in(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of the curve that belong to an epoch of training, in order."""
    return [entry for entry in looks_in(record) if entry["epoch"] > 0]


def looks_in(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of the curve, that before the first epoch included, in order."""
    curve = record.get("curve")
    found = [entry for entry in curve if isinstance(entry, dict)] if isinstance(curve, list) else []
    return sorted((entry for entry in found if type(entry.get("epoch")) is int), key=lambda entry: entry["epoch"])


def learning_curve(record: Mapping[str, Any]) -> tuple[str | None, list[float]]:
    """Which accuracy was measured after every epoch, test before validation, and its values."""
    epochs = epochs_in(record)
    for kind in ("test", "validation"):
        values = [number_in(entry, f"{kind}_accuracy") for entry in epochs]
        if values and all(math.isfinite(value) for value in values):
            return kind, values
    return None, []


def shown(value: Any) -> str:
    """A setting's value as text: 0.1, true, sd=0.1 and seed=3 joined by commas."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return (
        {True: "true", False: "false", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def _number(*path: str) -> Take:
    return lambda record: number_in(record, *path)


def _text(*path: str) -> Take:
    return lambda record: text_in(record, *path)


def _plateau(record: Mapping[str, Any]) -> Plateau:
    return plateau(learning_curve(record)[1])


def _over_epochs(record: Mapping[str, Any], name: str) -> float:
    return sum(number_in(entry, name) for entry in epochs_in(record)) if epochs_in(record) else math.nan


def _last(name: str) -> Take:
    def take(record: Mapping[str, Any]) -> float:
        epochs = epochs_in(record)
        return number_in(epochs[-1], name) if epochs else math.nan

    return take


def _over_blocks(name: str) -> Take:
    def take(record: Mapping[str, Any]) -> float:
        blocks = record.get("activity")
        return (
            mean_known([number_in(block, name) for block in blocks.values()]) if isinstance(blocks, dict) else math.nan
        )

    return take


def _alignment(record: Mapping[str, Any]) -> float:
    """The mean over blocks at the last look that has one."""
    for entry in reversed(looks_in(record)):
        blocks = entry.get("alignment")
        if isinstance(blocks, dict):
            return mean_known([number_in(blocks, block) for block in blocks])
    return math.nan


def mean_known(values: list[float]) -> float:
    """The mean of the finite values; NaN where there are none."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _seconds_per_epoch(record: Mapping[str, Any]) -> float:
    return mean_known([number_in(entry, "seconds") for entry in epochs_in(record)])


#: {column: how it is taken from a record}. Accuracies are from 0 to 1; seconds; bytes; operations and pJ per sample.
MEASURES: Mapping[str, Take] = {
    "accuracy": _number("accuracy"),
    "unique_accuracy": _number("unique_accuracy"),
    "validation_accuracy": _number("validation_accuracy"),
    "train_accuracy": _last("train_accuracy"),
    "loss": _last("loss"),
    "plateau": lambda record: _nan(_plateau(record).accuracy),
    "epochs_to_plateau": lambda record: _nan(_plateau(record).epochs),
    "no_plateau": lambda record: _plateau(record).reason,
    "curve_of": lambda record: learning_curve(record)[0],
    "epochs": lambda record: float(len(epochs_in(record))),
    "samples": lambda record: _over_epochs(record, "samples"),
    "seconds": _number("seconds", "training"),
    "seconds_per_epoch": _seconds_per_epoch,
    "seconds_run": _number("seconds", "run"),
    "seconds_looks": _number("seconds", "looks"),
    "seconds_after": _number("seconds", "after"),
    "seconds_total": _number("seconds", "total"),
    "peak_bytes": _number("peak_bytes"),
    "rise_bytes": _number("rise_bytes"),
    "live_bytes": _number("payload_bytes", "live"),
    "forward_acs": _number("forward", "accumulates"),
    "forward_macs": _number("forward", "multiply_accumulates"),
    "forward_dense": _number("forward", "dense"),
    "learning_acs": _number("learning", "accumulates"),
    "learning_macs": _number("learning", "multiply_accumulates"),
    "learning_dense": _number("learning", "dense"),
    "forward_pj": _number("energy", "forward_pj"),
    "learning_pj": _number("energy", "learning_pj"),
    "forward_with_memory_pj": _number("energy", "forward_with_memory_pj"),
    "learning_with_memory_pj": _number("energy", "learning_with_memory_pj"),
    "writes_share": _number("writes", "share"),
    "writes_per_epoch": _number("writes", "per_epoch"),
    "writes_total": _number("writes", "total"),
    "rate": _over_blocks("rate"),
    "silent": _over_blocks("silent"),
    "saturated": _over_blocks("saturated"),
    "alignment": _alignment,
    "parameters": _number("parameters"),
    "train_samples": _number("train_samples"),
    "test_samples": _number("test_samples"),
    "resumed": lambda record: float(record.get("resumed") not in (None, False, 0)),
    "optimizer": _text("optimizer"),
    "schedule": _text("schedule"),
    "network": _text("net"),
    "weights_fingerprint": _text("fingerprints", "weights"),
    "order_fingerprint": _text("fingerprints", "order"),
}

#: The same of a test after something was done to the trained network.
AFTER: Mapping[str, Take] = {
    "accuracy": _number("accuracy"),
    "unique_accuracy": _number("unique_accuracy"),
    "seconds_after": _number("seconds"),
}


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
