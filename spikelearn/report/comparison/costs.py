"""The table of costs: time, operations, energy, writes and memory, beside the plateau that they bought."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.charts import base_of
from spikelearn.report.comparison.scheme import Scheme
from spikelearn.report.comparison.sheets import Cell, Column, Row, Table, measured, without_empty, word
from spikelearn.report.comparison.values import count, percent, seconds, size, with_prefix

Shown = Callable[[float], str]


def _joules(value: float) -> str:
    return with_prefix(value, "J")


#: (key, heading, value of the rows of one arm, how it is written, part of the record that says why it is missing)
_COSTS: tuple[tuple[str, str, Callable[[Any], Any], Shown, str], ...] = (
    ("plateau", "Plateau (%)", lambda p: p["plateau"], percent, "plateau"),
    ("epochs", "Epochs to it", lambda p: p["epochs_to_plateau"], lambda v: f"{v:.1f}".removesuffix(".0"), "plateau"),
    ("epoch", "Time per epoch", lambda p: p["seconds_per_epoch"], seconds, "seconds"),
    ("training", "Training time", lambda p: p["seconds"], seconds, "seconds"),
    ("peak", "Peak memory", lambda p: p["peak_bytes"], size, "peak_bytes"),
    ("alive", "Tensors of a step", lambda p: p["live_bytes"], size, "payload_bytes"),
    ("forward", "Forward, AC + MAC", lambda p: p["forward_acs"], count, "forward"),
    ("learning", "Learning, AC + MAC", lambda p: p["learning_acs"], count, "learning"),
    ("energy", "Energy, forward", lambda p: p["forward_pj"] * 1e-12, _joules, "forward"),
    ("energy-learning", "Energy, learning", lambda p: p["learning_pj"] * 1e-12, _joules, "learning"),
    (
        "energy-memory",
        "Both, with memory",
        lambda p: (p["forward_with_memory_pj"] + p["learning_with_memory_pj"]) * 1e-12,
        _joules,
        "learning",
    ),
    ("writes", "Weight writes per epoch", lambda p: p["writes_per_epoch"], count, "writes"),
)  # fmt: skip

#: Columns that show two counts, accumulates and multiply-accumulates; sorted by their sum.
_PAIRS = {"forward": ("forward_acs", "forward_macs"), "learning": ("learning_acs", "learning_macs")}

ABOUT = (
    "Means over seeds at the base point. Operations and energy are those of one sample, effective operations only (a "
    "weight and an input that are not zero); learning is what comes on top of one forward pass. AC: accumulate, MAC: "
    "multiply-accumulate. Energies are estimates: see Energy. Peak memory is that of the whole process, libraries "
    "included; tensors of a step are those that one step of learning keeps alive at once, counted."
)


def cost_table(results: Results, scheme: Scheme) -> Table:
    """What every arm costs on every data set and network."""
    columns = [Column("arm", "Arm", heads=True, swatch=True), Column("data", "Data set"), Column("net", "Network")]
    columns += [Column(key, label, "number") for key, label, *_ in _COSTS]
    rows: list[Row] = []
    reasons: dict[tuple[str, str], list[str]] = {}
    for group in scheme.groups:
        for arm, mine in group.of(base_of(results.points)).groupby("arm", sort=False):
            why = reasons_of(results, mine)
            cells = [word(arm), word(group.data_name), word(group.net)]
            for key, label, value, shown, part in _COSTS:
                reason = why.get(part, "")
                cells.append(_cell(key, mine, value(mine), shown, reason))
                if cells[-1].reason:
                    reasons.setdefault((label, cells[-1].reason), []).append(str(arm))
            rows.append(Row(tuple(cells), scheme.arms_of(str(arm)), group.data))
    keep = ["arm", *(["data"] if len(scheme.data) > 1 else []), *(["net"] if scheme.many_nets else [])]
    columns, rows = without_empty(columns, rows, keep)
    dropped = {"data", "net"} - set(keep)
    columns, rows = without_columns(columns, rows, dropped)
    return Table("costs", "Costs", ABOUT, columns, rows, notes=notes_of(reasons))


def _cell(key: str, mine: Any, values: Any, shown: Shown, reason: str) -> Cell:
    if key in _PAIRS:
        adds, multiplies = (mine[name].mean() for name in _PAIRS[key])
        if math.isfinite(adds) and math.isfinite(multiplies):
            return Cell(f"{shown(adds)} + {shown(multiplies)}", adds + multiplies)
    if key == "epochs" and values.isna().any() and not reason:
        reason = next((str(text) for text in mine["no_plateau"] if text), "")
        still = int(values.isna().sum())
        if still < len(values):
            reason = f"{reason} in {still} of {len(values)} seeds"
        return Cell("no plateau", None, reason or "no curve was measured")
    return measured(values.mean() if values.notna().all() else None, shown, reason)


def reasons_of(results: Results, rows: Any) -> Mapping[str, str]:
    """Why parts of the records of these rows are missing."""
    found: dict[str, str] = {}
    for trial in rows["trial"]:
        for part, reason in (results.records[trial].get("reasons") or {}).items():
            found.setdefault(part, " ".join(str(reason).split()))
    return found


def notes_of(reasons: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Every reason once, with the columns and the arms it holds for."""
    by_reason: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (label, reason), arms in reasons.items():
        by_reason.setdefault((reason, tuple(dict.fromkeys(arms))), []).append(label)
    return [f"{', '.join(labels)} of {', '.join(arms)}: {reason}." for (reason, arms), labels in by_reason.items()]


def without_columns(columns: list[Column], rows: list[Row], names: set[str]) -> tuple[list[Column], list[Row]]:
    """Columns and rows without those of these names."""
    kept = [at for at, column in enumerate(columns) if column.key not in names]
    return [columns[at] for at in kept], [Row(tuple(r.cells[at] for at in kept), r.arms, r.data) for r in rows]
