"""What charts of the measure share: its axis, its means over seeds, and the line of the ordinary network."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spikelearn.bench.analyse.ranges import range_of
from spikelearn.bench.analyse.summary import Summary
from spikelearn.report.comparison.chart import Chart, Option, axis, rounded, summarised
from spikelearn.report.comparison.layout import Layout
from spikelearn.tasks import Measure

#: An axis whose largest value is at least so many times its smallest is drawn on a logarithmic scale.
WIDE = 10.0

MEANS = "Mean over seeds; bands: 95 % intervals."


def measure_axis(measure: Measure, of: str = "test") -> dict[str, Any]:
    """The axis of the measure, of the test samples or others."""
    return axis(f"{of} {measure.label}", within=range_of("score", measure).scaled(measure.scale))


def measure_over(frame: Any, by: Sequence[str], measure: Measure, column: str = "score", **more: Any) -> Any:
    """``summarised`` of the measure, in the unit in which it is shown."""
    return summarised(frame, by, column, measure.scale, within=range_of("score", measure), **more)


def base_of(frame: Any) -> Any:
    """The rows of the base point."""
    base = frame[frame["axis"].isna()]
    return base[base["when"] == "during"] if "when" in base else base


def with_level(charts: Sequence[Chart], summary: Summary, layout: Layout) -> list[Chart]:
    """The same charts of accuracy, with a line where the ordinary network of their data set and layers lies."""
    ordinary = {(table.data, table.net): table.ordinary for table in summary.tables}
    for facet in layout.facets:
        one = ordinary.get((facet.data_name, facet.net))
        if one is None or one.accuracy.mean is None:
            continue
        for chart in charts:
            if chart.id.endswith(f"-{facet.key}") and chart.first["y"]["label"] == f"test {summary.measure.label}":
                chart.level = rounded(one.accuracy.mean)
                chart.notes.append(f"Line across: the ordinary network, without spikes, {one.accuracy.mean:.2f} %.")
    return list(charts)


def options_of(charts: Iterable[Chart], words: Mapping[str, str] | None = None) -> list[Option]:
    """The entries of the chooser that all these charts share."""
    keys = dict.fromkeys(key for chart in charts for key in chart.views)
    return [Option(key, (words or {}).get(key, key)) for key in keys]
