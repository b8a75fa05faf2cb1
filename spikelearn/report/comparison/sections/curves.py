"""Learning curves: the measure over epochs, training time and samples."""

from spikelearn.bench.analyse.results import Results
from spikelearn.report.comparison.chart import Chart, add_series, axis, drawn, points_of, rounded, split_by_arm
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import (
    MEANS,
    base_of,
    measure_axis,
    measure_over,
    options_of,
    with_level,
)
from spikelearn.report.comparison.section import Charts, Section

#: Column of an epoch's score, the best first, and whose it is.
SCORES = {"test_score": "test", "validation_score": "validation", "train_score": "training"}

#: What is shown across: its label, and its name in the chooser.
LABELS = {"epochs": "epoch", "seconds": "training time (s)", "samples": "training samples presented"}
NAMES = {"epochs": "epochs", "seconds": "training time", "samples": "training samples presented"}


def section(material: Material) -> Section:
    """A chart for every data set and network."""
    charts = with_level(curve_charts(material.results, material.layout), material.summary, material.layout)
    part = Charts("curves", charts, options_of(charts, NAMES), "Horizontal axis")
    return Section("curves", "Learning curves", (part,))


def curve_charts(results: Results, layout: Layout) -> list[Chart]:
    """The measure over epochs, seconds and samples."""
    charts = []
    for facet in layout.facets:
        base = facet.of(base_of(results.curves))
        column = next((name for name in SCORES if len(base) and base[name].notna().all()), None)
        if column is None:
            continue
        y = measure_axis(results.measure, SCORES[column])
        views = {key: {"x": axis(label, from_zero=True), "y": y} for key, label in LABELS.items()}
        chart = Chart(f"curves-{facet.key}", "curves", "lines", facet.name, MEANS, views, data=facet.data)
        means = base.groupby(["arm", "epoch"])[["seconds", "samples"]].mean()
        curves = measure_over(base, ["arm", "epoch"], results.measure, column, complete=True)
        for arm, found in split_by_arm(curves).items():
            points = {"epochs": points_of(found, x="epoch")}
            for key in ("seconds", "samples"):
                spent = means[key].loc[arm].reindex(found["epoch"])
                points[key] = points_of(found, [rounded(value) for value in spent]) if spent.notna().all() else None
            add_series(chart, layout.arm(arm), points)
        charts.append(chart)
    return drawn(charts)
