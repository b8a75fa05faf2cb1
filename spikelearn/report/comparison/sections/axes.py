"""The axes: the measure away from the base point, by training there or by testing there."""

import re
from collections.abc import Sequence
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.component_text import name_in, parted
from spikelearn.report.comparison.chart import Chart, add_series, axis, drawn, points_of, split_by_arm
from spikelearn.report.comparison.finding_groups import grouped
from spikelearn.report.comparison.layout import Facet, Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import WIDE, base_of, measure_axis, measure_over, options_of
from spikelearn.report.comparison.section import Charts, Findings, Part, Section
from spikelearn.report.comparison.table import ARM, DATA, NET, Cell, Column, Row, Table, text_cell, without_places
from spikelearn.report.comparison.values import NOT_MEASURED, Figures
from spikelearn.tasks import Measure

#: Kinds of findings that stand here.
AXES = ("axis", "robustness")

#: The trained network as it is, among what is done to it.
UNTOUCHED = "untouched"

#: Values side by side at most; more stand one below the other.
ABREAST = 8

ABOUT_TRAINED = "Every arm was trained anew at each value; everything else is as in the ranking above."
ABOUT_AFTER = "The trained networks of the ranking were changed, or shown changed samples, and tested again."


def section(material: Material) -> Section | None:
    """Charts and a table of every axis, those of training before those of testing, and sentences on all of them."""
    parts = [*_trained_parts(material.results, material.layout), *_after_parts(material.results, material.layout)]
    if not parts:
        return None
    groups = grouped(material.findings, material.summary, material.layout, AXES)
    words = [Findings("The axes in words", groups, headed=True)] if groups else []
    return Section("axes", "Other conditions", (*parts, *words))


def _trained_parts(results: Results, layout: Layout) -> list[Part]:
    names = [str(name) for name in dict.fromkeys(place["axis"] for place in results.places) if name is not None]
    parts: list[Part] = []
    for at, name in enumerate(names):
        key = f"axis-{at}"
        charts = _trained_charts(results, layout, name, key)
        title = f"{_words_of(name)}, in training".capitalize()
        if charts:
            table = axis_table(results, layout, name, "during")
            parts += [Charts(key, charts, options_of(charts), "At", title, ABOUT_TRAINED), table]
    return parts


def _after_parts(results: Results, layout: Layout) -> list[Part]:
    parts: list[Part] = []
    for at, name in enumerate(results.index.after):
        key = f"after-{at}"
        charts = _after_charts(results, layout, name, key)
        title = f"{_words_of(name)}, after training".capitalize()
        if charts:
            table = axis_table(results, layout, name, "after")
            parts += [Charts(key, charts, title=title, about=ABOUT_AFTER), table]
    return parts


def _words_of(name: str) -> str:
    """A setting's name in words."""
    return name.replace("_", " ")


def _along(results: Results, name: str, when: str) -> Any:
    """Rows of the results on an axis."""
    points = results.points
    return points[(points["axis"] == name) & (points["when"] == when)]


def _trained_charts(results: Results, layout: Layout, name: str, key: str) -> list[Chart]:
    """The measure of networks trained at every value of an axis; of a factorial, a view for every value of the rest."""
    charts = []
    for facet in layout.facets:
        rows = _split(facet.of(_along(results, name, "during")), name)
        about = "Each point trained anew. Mean over seeds; bands: 95 % intervals."
        chart = Chart(f"{key}-{facet.key}", key, "lines", facet.name, about, {}, data=facet.data)
        series: dict[int, dict[str, Any]] = {}
        for other, mine in rows.groupby("other", sort=False):
            xs = _numbers(mine["along"])
            label = _words_of(name.partition(" x ")[0]) + (f" ({other})" if other else "")
            chart.views[str(other) or "all"] = {"x": _value_axis(label, xs), "y": measure_axis(results.measure)}
            placed = mine.assign(x=xs)
            placed = placed if _is_text(xs) else placed.sort_values("x", kind="stable")
            for arm, found in split_by_arm(measure_over(placed, ["arm", "x"], results.measure)).items():
                series.setdefault(layout.arm(arm), {})[str(other) or "all"] = points_of(found, x="x")
        for number, points in sorted(series.items()):
            add_series(chart, number, points)
        charts.append(chart)
    return drawn(charts)


def _split(rows: Any, name: str) -> Any:
    """Rows with the value of the first setting as ``along`` and the others of a factorial, in words, as ``other``."""
    names = name.split(" x ")
    if len(names) == 1:
        return rows.assign(along=rows["value"], other="")
    pattern = ", ".join(f"{re.escape(one)}=(.*)" for one in names)
    parts = [match.groups() if (match := re.fullmatch(pattern, value)) else (value, "") for value in rows["value"]]
    others = [", ".join(f"{_words_of(n)} {v}" for n, v in zip(names[1:], part[1:], strict=False)) for part in parts]
    return rows.assign(along=[part[0] for part in parts], other=others)


def _numbers(values: Sequence[Any]) -> list[Any]:
    """Numbers where all are, else the text that was given."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return list(values)


def _is_text(xs: Sequence[Any]) -> bool:
    return any(isinstance(x, str) for x in xs)


def _value_axis(label: str, xs: Sequence[Any]) -> dict[str, Any]:
    if _is_text(xs):
        return axis(label, "category", order=list(dict.fromkeys(xs)))
    if xs and min(xs) > 0 and max(xs) / min(xs) >= WIDE:
        return axis(label, "log")
    return axis(label)


def _after_charts(results: Results, layout: Layout, name: str, key: str) -> list[Chart]:
    """The measure of the base point's networks under every condition; a chart for every kind of condition."""
    charts = []
    for facet in layout.facets:
        rows = facet.of(_along(results, name, "after"))
        base = facet.of(base_of(results.points)).assign(option=UNTOUCHED)
        kinds = list(dict.fromkeys(map(name_in, rows["condition"])))
        for kind in kinds:
            mine = rows[[name_in(condition) == kind for condition in rows["condition"]]]
            mine = mine.assign(option=[parted(condition)[1] or condition for condition in mine["condition"]])
            labels = [UNTOUCHED, *dict.fromkeys(mine["option"])]
            views = {"all": {"x": axis(kind, "category", order=labels), "y": measure_axis(results.measure)}}
            about = "Networks of the ranking, tested again. Mean over seeds; bands: 95 % intervals."
            title = f"{facet.name}, {kind}" if len(kinds) > 1 else facet.name
            chart = Chart(f"{key}-{kind}-{facet.key}", key, "lines", title, about, views, data=facet.data)
            rows_of_both = _stacked(base[base["arm"].isin(mine["arm"])], mine, ["arm", "option", "score"])
            for arm, found in split_by_arm(measure_over(rows_of_both, ["arm", "option"], results.measure)).items():
                add_series(chart, layout.arm(arm), {"all": points_of(found, x="option")})
            charts.append(chart)
    return drawn(charts)


def axis_table(results: Results, layout: Layout, name: str, when: str) -> Table:
    """The measure of every arm at every value of an axis, mean and 95 % interval over seeds."""
    measure = results.measure
    rows = _along(results, name, when).assign(place=lambda found: found["value"])
    if when == "after":
        base = base_of(results.points).assign(place=UNTOUCHED)
        rows = _stacked(base[base["arm"].isin(rows["arm"])], rows, ["arm", "data", "net", "place", "score"])
    values = list(dict.fromkeys(rows["place"]))
    abreast = len(values) <= ABREAST
    columns = [ARM, DATA, NET]
    if abreast:
        columns += [Column(f"v{at}", str(value), "number") for at, value in enumerate(values)]
    else:
        columns += [Column("value", _words_of(name)), Column(measure.name, f"Test {measure.label}", "number")]
    made: list[Row] = []
    for facet in layout.facets:
        found = measure_over(facet.of(rows), ["arm", "place"], measure)
        most = max(found["count"], default=0)
        numbers = zip(*(found[column] for column in ("arm", "place", "mean", "low", "high", "count")), strict=True)
        cells = {(arm, place): _cell(m, (low, high), n, most, measure) for arm, place, m, low, high, n in numbers}
        for arm in dict.fromkeys(found["arm"]):
            made += _rows(facet, layout, str(arm), values, cells, abreast)
    title = f"Test {measure.words} by {_words_of(name)}"
    mean = "In percent: mean" if measure.share else "Mean"
    about = f"{mean} over seeds, its 95 % interval, and the number of seeds where some are missing."
    key = f"axis-{when}-{name}".replace("_", "-").replace(" ", "-")
    return Table(key, title, about, *without_places(columns, made, layout))


def _rows(
    facet: Facet, layout: Layout, arm: str, values: list[Any], cells: dict[tuple[str, Any], Cell], abreast: bool
) -> list[Row]:
    head = [text_cell(arm), text_cell(facet.data_name), text_cell(facet.net)]
    missing = Cell(NOT_MEASURED, None, "no seed, or not every seed, has finished there")
    found = [cells.get((arm, value), missing) for value in values]
    if abreast:
        return [Row((*head, *found), layout.arms_of(arm), facet.data)]
    lines = zip(values, found, strict=True)
    return [Row((*head, text_cell(value), cell), layout.arms_of(arm), facet.data) for value, cell in lines]


def _cell(mean: float, pair: tuple[float, float], seeds: int, most: int, measure: Measure) -> Cell:
    figures, scale = Figures(measure), measure.scale
    between = f" {figures.interval(pair[0] / scale, pair[1] / scale)}" if pair[0] < pair[1] else ""
    fewer = f" ({seeds})" if 1 < seeds < most else ""
    return Cell(f"{figures.of(mean / scale)}{between}{fewer}", mean)


def _stacked(first: Any, second: Any, columns: list[str]) -> Any:
    import pandas as pd

    return pd.concat([first[columns], second[columns]], ignore_index=True)
