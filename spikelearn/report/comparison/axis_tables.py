"""Tables of the axes: accuracy at every value."""

from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.axes import UNTOUCHED, along, words_of
from spikelearn.report.comparison.chart import summarised
from spikelearn.report.comparison.charts import base_of
from spikelearn.report.comparison.costs import without_columns
from spikelearn.report.comparison.scheme import Group, Scheme
from spikelearn.report.comparison.sheets import Cell, Column, Row, Table, word
from spikelearn.report.comparison.values import NOT_MEASURED, percent

#: Values side by side at most; more stand one below the other.
ABREAST = 8


def axis_table(results: Results, scheme: Scheme, name: str, when: str) -> Table:
    """Accuracy of every arm at every value of an axis, mean and half the 95 % interval over seeds."""
    rows = along(results, name, when).assign(place=lambda found: found["value"])
    if when == "after":
        base = base_of(results.points).assign(place=UNTOUCHED)
        rows = _stacked(base[base["arm"].isin(rows["arm"])], rows)
    values = list(dict.fromkeys(rows["place"]))
    abreast = len(values) <= ABREAST
    columns = [Column("arm", "Arm", heads=True, swatch=True), Column("data", "Data set"), Column("net", "Network")]
    if abreast:
        columns += [Column(f"v{at}", str(value), "number") for at, value in enumerate(values)]
    else:
        columns += [Column("value", words_of(name)), Column("accuracy", "Test accuracy (%)", "number")]
    made = []
    for group in scheme.groups:
        found = summarised(group.of(rows), ["arm", "place"], "accuracy", 100)
        most = max(found["count"], default=0)
        cells = {(arm, place): _cell(m, h - m, n, most) for arm, place, m, h, n in _columns_of(found)}
        for arm in dict.fromkeys(found["arm"]):
            made += _rows(group, scheme, str(arm), values, cells, abreast)
    names = {"data"} if len(scheme.data) == 1 else set()
    columns, made = without_columns(columns, made, names | (set() if scheme.many_nets else {"net"}))
    title = f"Test accuracy by {words_of(name)}"
    about = "In percent: mean over seeds ± half of the 95 % interval; in brackets the seeds, where some are missing."
    return Table(f"axis-{when}-{name}".replace("_", "-").replace(" ", "-"), title, about, columns, made)


def _columns_of(found: Any) -> Any:
    return zip(*(found[name] for name in ("arm", "place", "mean", "high", "count")), strict=True)


def _rows(
    group: Group, scheme: Scheme, arm: str, values: list[Any], cells: dict[tuple[str, Any], Cell], abreast: bool
) -> list[Row]:
    head = [word(arm), word(group.data_name), word(group.net)]
    missing = Cell(NOT_MEASURED, None, "no seed, or not every seed, has finished there")
    found = [cells.get((arm, value), missing) for value in values]
    if abreast:
        return [Row((*head, *found), scheme.arms_of(arm), group.data)]
    lines = zip(values, found, strict=True)
    return [Row((*head, word(value), cell), scheme.arms_of(arm), group.data) for value, cell in lines]


def _cell(mean: float, half: float, seeds: int, most: int) -> Cell:
    if seeds < 2:
        return Cell(percent(mean / 100), mean)
    fewer = f" ({seeds})" if seeds < most else ""
    return Cell(f"{percent(mean / 100)} ± {percent(half / 100)}{fewer}", mean)


def _stacked(first: Any, second: Any) -> Any:
    import pandas as pd

    columns = ["arm", "data", "net", "place", "accuracy"]
    return pd.concat([first[columns], second[columns]], ignore_index=True)
