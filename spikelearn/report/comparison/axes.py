"""Charts of the axes: accuracy away from the base point, by training there or by testing there."""

import re
from collections.abc import Sequence
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.chart import Chart, add_series, axis, drawn, points_of, split_by_arm, summarised
from spikelearn.report.comparison.charts import ACCURACY, WIDE, base_of
from spikelearn.report.comparison.scheme import Scheme

#: The trained network as it is, among what is done to it.
UNTOUCHED = "untouched"


def words_of(name: str) -> str:
    """A setting's name in words."""
    return name.replace("_", " ")


def trained_axes(results: Results) -> list[str]:
    """Axes along which networks were trained."""
    return [str(name) for name in dict.fromkeys(place["axis"] for place in results.places) if name is not None]


def along(results: Results, name: str, when: str) -> Any:
    """Rows of the results on an axis."""
    points = results.points
    return points[(points["axis"] == name) & (points["when"] == when)]


def axis_charts(results: Results, scheme: Scheme, name: str, section: str) -> list[Chart]:
    """Accuracy of networks trained at every value of an axis; of a factorial, a view for every value of the others."""
    charts = []
    for group in scheme.groups:
        rows = _split(group.of(along(results, name, "during")), name)
        about = "Each point trained anew. Mean over seeds; bands: 95 % intervals."
        chart = Chart(f"{section}-{group.key}", section, "lines", group.name, about, {}, data=group.data)
        series: dict[int, dict[str, Any]] = {}
        for other, mine in rows.groupby("other", sort=False):
            xs = _numbers(mine["along"])
            label = words_of(name.partition(" x ")[0]) + (f" ({other})" if other else "")
            chart.views[str(other) or "all"] = {"x": _value_axis(label, xs), "y": axis(ACCURACY)}
            placed = mine.assign(x=xs)
            placed = placed if _is_text(xs) else placed.sort_values("x", kind="stable")
            for arm, found in split_by_arm(summarised(placed, ["arm", "x"], "accuracy", 100)).items():
                series.setdefault(scheme.arm(arm), {})[str(other) or "all"] = points_of(found, x="x")
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
    others = [", ".join(f"{words_of(n)} {v}" for n, v in zip(names[1:], part[1:], strict=False)) for part in parts]
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


def after_charts(results: Results, scheme: Scheme, name: str, section: str) -> list[Chart]:
    """Accuracy of the base point's networks under every condition of an axis; a chart for every kind of condition."""
    charts = []
    for group in scheme.groups:
        rows = group.of(along(results, name, "after"))
        base = group.of(base_of(results.points)).assign(option=UNTOUCHED)
        kinds = list(dict.fromkeys(condition.partition(":")[0] for condition in rows["condition"]))
        for kind in kinds:
            mine = rows[[condition.partition(":")[0] == kind for condition in rows["condition"]]]
            mine = mine.assign(option=[condition.partition(":")[2] or condition for condition in mine["condition"]])
            labels = [UNTOUCHED, *dict.fromkeys(mine["option"])]
            views = {"all": {"x": axis(kind, "category", order=labels), "y": axis(ACCURACY)}}
            about = "Trained at the base point. Mean over seeds; bands: 95 % intervals."
            title = f"{group.name}, {kind}" if len(kinds) > 1 else group.name
            chart = Chart(f"{section}-{kind}-{group.key}", section, "lines", title, about, views, data=group.data)
            joined = _joined(base[base["arm"].isin(mine["arm"])], mine)
            for arm, found in split_by_arm(summarised(joined, ["arm", "option"], "accuracy", 100)).items():
                add_series(chart, scheme.arm(arm), {"all": points_of(found, x="option")})
            charts.append(chart)
    return drawn(charts)


def _joined(first: Any, second: Any) -> Any:
    import pandas as pd

    columns = ["arm", "option", "accuracy"]
    return pd.concat([first[columns], second[columns]], ignore_index=True)
