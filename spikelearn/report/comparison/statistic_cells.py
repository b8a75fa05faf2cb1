"""Cells of statistics, whose numbers are in the unit in which the measure is shown."""

from spikelearn.report.comparison.table import Cell
from spikelearn.report.comparison.values import Figures


def in_files(value: float | None, figures: Figures) -> float | None:
    """A number as files hold it."""
    return None if value is None else value / figures.measure.scale


def interval_cell(pair: tuple[float, float] | None, why: str, figures: Figures, signed: bool = False) -> Cell:
    """An interval, or why there is none."""
    if pair is None:
        return Cell("none", None, why or "it needs two seeds")
    low, high = (end / figures.measure.scale for end in pair)
    return Cell(figures.interval(low, high, signed), pair[0])
