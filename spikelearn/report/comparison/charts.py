"""The page's charts: cost, learning curves, and what happens inside the networks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.chart import (
    Chart,
    Option,
    Points,
    add_series,
    axis,
    drawn,
    points_of,
    rounded,
    split_by_arm,
    summarised,
)
from spikelearn.report.comparison.scheme import Scheme

ACCURACY = "test accuracy (%)"

#: Column of an epoch's accuracy, the best first, and its words.
MEASURED = {
    "test_accuracy": ACCURACY,
    "validation_accuracy": "validation accuracy (%)",
    "train_accuracy": "training accuracy (%)",
}

#: key -> (label, column or columns of the results as one, scale)
COSTS: dict[str, tuple[str, Callable[[Any], Any], float]] = {
    "seconds": ("training time (s)", lambda p: p["seconds"], 1.0),
    "energy": (
        "arithmetic energy of training, estimated (J)",
        lambda p: (p["forward_pj"] + p["learning_pj"]) * p["samples"],
        1e-12,
    ),
    "operations": ("operations in learning per sample", lambda p: p["learning_acs"] + p["learning_macs"], 1.0),
    "memory": ("peak memory (MiB)", lambda p: p["peak_bytes"], 2.0**-20),
    "samples": ("training samples presented", lambda p: p["samples"], 1.0),
}

#: An axis whose largest value is at least so many times its smallest is drawn on a logarithmic scale.
WIDE = 10.0

MEANS = "Mean over seeds; bands: 95 % intervals."


def base_of(frame: Any) -> Any:
    """The rows of the base point."""
    base = frame[frame["axis"].isna()]
    return base[base["when"] == "during"] if "when" in base else base


def cost_charts(results: Results, scheme: Scheme) -> list[Chart]:
    """Accuracy against every cost, a chart for every data set and network."""
    charts = []
    for group in scheme.groups:
        views = {key: {"x": axis(label), "y": axis(ACCURACY)} for key, (label, _, _) in COSTS.items()}
        about = "Mean over seeds; bars: 95 % intervals. Up and to the left is better."
        chart = Chart(f"cost-{group.key}", "cost", "points", group.name, about, views, data=group.data)
        base = group.of(base_of(results.points))
        up = split_by_arm(summarised(base, ["arm"], "accuracy", 100))
        found = {key: split_by_arm(_costs(base, value(base), scale)) for key, (_, value, scale) in COSTS.items()}
        for arm, accuracy in up.items():
            points = {key: _cost_point(accuracy, across.get(arm)) for key, across in found.items()}
            add_series(chart, scheme.arm(arm), points)
        charts.append(chart)
        for key, view in views.items():
            xs = [one["points"][key]["x"][0] for one in chart.series if key in one["points"]]
            view["x"]["type"] = "log" if xs and max(xs) >= WIDE * min(xs) else "linear"
    return drawn(charts)


def _costs(base: Any, cost: Any, scale: float) -> Any:
    return summarised(base.assign(cost=cost), ["arm"], "cost", scale)


def _cost_point(accuracy: Any, cost: Any) -> Points | None:
    up, across = points_of(accuracy, xs=[None]), None if cost is None else points_of(cost, xs=[None])
    if up is None or across is None or across["y"][0] <= 0:
        return None
    low = across["low"][0]
    # On a logarithmic axis an interval that reaches zero has no lower end to draw.
    inside = low is None or low > 0
    return {**up, "x": across["y"], "xlow": across["low"] if inside else across["y"], "xhigh": across["high"]}


def curve_charts(results: Results, scheme: Scheme) -> list[Chart]:
    """Accuracy over epochs, seconds and samples."""
    labels = {"epochs": "epoch", "seconds": "training time (s)", "samples": "training samples presented"}
    charts = []
    for group in scheme.groups:
        base = group.of(base_of(results.curves))
        measured = next((name for name in MEASURED if len(base) and base[name].notna().all()), None)
        if measured is None:
            continue
        y = axis(MEASURED[measured])
        views = {key: {"x": axis(label, from_zero=True), "y": y} for key, label in labels.items()}
        chart = Chart(f"curves-{group.key}", "curves", "lines", group.name, MEANS, views, data=group.data)
        means = base.groupby(["arm", "epoch"])[["seconds", "samples"]].mean()
        for arm, found in split_by_arm(summarised(base, ["arm", "epoch"], measured, 100, complete=True)).items():
            points = {"epochs": points_of(found, x="epoch")}
            for key in ("seconds", "samples"):
                spent = means[key].loc[arm].reindex(found["epoch"])
                points[key] = points_of(found, [rounded(value) for value in spent]) if spent.notna().all() else None
            add_series(chart, scheme.arm(arm), points)
        charts.append(chart)
    return drawn(charts)


def block_charts(
    results: Results, scheme: Scheme, section: str, column: str, label: str, scale: float = 1.0
) -> list[Chart]:
    """A quantity of every block over epochs; a view for every block.

    Args:
        column: of ``results.blocks``, for example "rate" or "alignment".
    """
    charts = []
    for group in scheme.groups:
        base = group.of(base_of(results.blocks)).dropna(subset=[column])
        blocks = list(dict.fromkeys(base["block"]))
        views = {block: {"x": axis("epoch", from_zero=True), "y": axis(f"{label}, {block}")} for block in blocks}
        chart = Chart(f"{section}-{group.key}", section, "lines", group.name, MEANS, views, data=group.data)
        for arm, rows in split_by_arm(
            summarised(base, ["arm", "block", "epoch"], column, scale, complete=True)
        ).items():
            mine = {str(block): points_of(found, x="epoch") for block, found in rows.groupby("block", sort=False)}
            add_series(chart, scheme.arm(arm), mine)
        charts.append(chart)
    return drawn(charts)


def options_of(charts: Iterable[Chart], words: Mapping[str, str] | None = None) -> list[Option]:
    """The entries of the chooser that all these charts share."""
    keys = dict.fromkeys(key for chart in charts for key in chart.views)
    return [Option(key, (words or {}).get(key, key)) for key in keys]
