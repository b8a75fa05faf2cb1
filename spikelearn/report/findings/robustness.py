"""What happens to the arms along an axis, in sentences."""

from collections.abc import Sequence

from spikelearn.bench.analyse.summary_tables import Axis, AxisCell, BaseTable
from spikelearn.report.findings.sentences import Finding, joined
from spikelearn.tasks import ACCURACY, Measure


def along(axis: Axis, reference: str, table: BaseTable | None, measure: Measure = ACCURACY) -> list[Finding]:
    """Where an arm is shown to differ from the reference, and who loses least against the base point.

    Arms at chance at the base point have nothing to lose and are not put in order.
    """
    words = {"during": "trained", "after": "tested after training"}[axis.when]
    where, name = f"{axis.data}, {axis.net}", f"Along {axis.axis.replace('_', ' ')} ({words})"
    findings = []
    for verdict in ("better", "worse"):
        told = _shown(axis, verdict, measure)
        if told:
            findings.append(Finding("axis", f"{name}, {verdict} than {reference}: {joined(told)}.", where))
    standing = [arm for arm in axis.rows if not _at_chance(arm, table)]
    order = [(arm, worst) for arm in standing if (worst := _worst(axis.rows[arm], axis.values)) is not None]
    order.sort(key=lambda item: item[1].lost.mean or 0.0)
    if len(order) > 1:
        values = {cell.value for _, cell in order}
        at = f", at {values.pop()}" if len(values) == 1 else ""
        told = [f"{arm} {_lost(cell, not at, measure)}" for arm, cell in order]
        text = f"{name}, the largest mean loss against the ranking{at}: {joined(told)}."
        findings.append(Finding("robustness", text, where))
    return findings


def _shown(axis: Axis, verdict: str, measure: Measure) -> list[str]:
    """Arms with the values at which they are shown to be better, or worse."""
    told = []
    for arm, cells in axis.rows.items():
        at = [
            f"{measure.change(cell.difference.mean.mean)} at {cell.value}"
            for cell in cells
            if cell.difference is not None
            and cell.difference.verdict == verdict
            and cell.difference.mean.mean is not None
        ]
        if at:
            told.append(f"{arm} ({', '.join(at)})")
    return told


def _worst(cells: Sequence[AxisCell], values: Sequence[str]) -> AxisCell | None:
    """The cell with the largest loss; None where a value is missing, for then arms cannot be compared."""
    known = [cell for cell in cells if cell.lost.mean is not None]
    return max(known, key=lambda cell: cell.lost.mean or 0.0) if len(known) == len(values) else None


def _lost(cell: AxisCell, located: bool, measure: Measure) -> str:
    lost = cell.lost.mean or 0.0
    at = f" at {cell.value}" if located else ""
    left = " left" if measure.share else ""
    kept = f" ({measure.told(cell.score.mean)}{left})" if cell.score.mean is not None else ""
    return f"{measure.apart(lost)}{at}{kept}" if lost > 0 else "nothing"


def _at_chance(arm: str, table: BaseTable | None) -> bool:
    row = table.row(arm) if table else None
    return row is not None and table is not None and table.is_at_chance(row)
