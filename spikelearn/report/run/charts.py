"""Charts of a run: its curves, the rates of its blocks, and potentials of single neurons."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from spikelearn.report.comparison.arm_style import ArmStyle
from spikelearn.report.comparison.chart import Chart, Option, add_series, axis, rounded
from spikelearn.report.recording import Recording
from spikelearn.tasks import measure_in

#: {curve: the beginning of its key in a line of metrics}.
CURVES = {"training": "", "validation": "validation_", "test": "test_"}

#: Neurons of a block whose potential is drawn, the most active first.
NEURONS = ("most active", "second", "third")


class Lines:
    """What is drawn, as the arms of the page: the run, its curves, its blocks, and single neurons."""

    def __init__(self, rule: str, blocks: Sequence[str]) -> None:
        self.families: dict[str, list[ArmStyle]] = {}
        self.styles: list[ArmStyle] = []
        for family, names in {"Run": [rule], "Curves": [*CURVES], "Blocks": blocks, "Neurons": NEURONS}.items():
            for name in names:
                style = ArmStyle(len(self.styles), name, family)
                self.styles.append(style)
                self.families.setdefault(family, []).append(style)

    def number(self, family: str, name: str) -> int:
        """The number of what is called ``name`` in a family."""
        return next(style.index for style in self.families[family] if style.name == name)


class Chosen(NamedTuple):
    """A chart, and the entries of its chooser."""

    chart: Chart
    options: tuple[Option, ...] = ()


def curve_chart(metrics: Sequence[Mapping[str, Any]], lines: Lines) -> Chosen:
    """The task's measure and the loss over epochs."""
    measure, epochs = measure_in(metrics[0]), axis("epoch")
    views = {"score": {"x": epochs, "y": axis(measure.label)}, "loss": {"x": epochs, "y": axis("loss", from_zero=True)}}
    chart = Chart("run-curves", "curves", "lines", "By epoch", "One training.", views)
    for name, prefix in CURVES.items():
        points = {"score": _points(metrics, lambda row, of=prefix: row.get(f"{of}{measure.name}"), measure.scale)}
        if name == "training":
            points["loss"] = _points(metrics, lambda row: row.get("loss"))
        add_series(chart, lines.number("Curves", name), points)
    if not any("loss" in one["points"] for one in chart.series):
        del chart.views["loss"]
    return Chosen(chart, tuple(Option(key, {"score": measure.words}.get(key, key)) for key in chart.views))


def rate_chart(metrics: Sequence[Mapping[str, Any]], lines: Lines) -> Chosen:
    """The mean rate of every block over epochs."""
    views = {"rate": {"x": axis("epoch"), "y": axis("spikes per step and neuron", from_zero=True)}}
    chart = Chart("run-rates", "rates", "lines", "By epoch", "Mean over the training samples.", views)
    for block in metrics[0]["rates"]:
        rates = _points(metrics, lambda row, of=block: row["rates"].get(of))
        add_series(chart, lines.number("Blocks", block), {"rate": rates})
    return Chosen(chart)


def membrane_charts(recording: Recording, lines: Lines, sample: int = 0) -> list[Chart]:
    """Potentials of the neurons that fire most, a chart for each block."""
    charts = []
    for block, record in recording.v.items():
        steps = len(record)
        values = record[:, sample].reshape(steps, -1)
        spikes = recording.spikes[block][:, sample].reshape(steps, -1)
        most = np.argsort(-spikes.sum(0, dtype=float), kind="stable")[: len(NEURONS)]
        when = [rounded(1e3 * recording.dt * step) for step in range(steps)]
        views = {"v": {"x": axis("time (ms)"), "y": axis("potential")}}
        named = ", ".join(f"{place}: neuron {int(neuron)}" for place, neuron in zip(NEURONS, most, strict=False))
        chart = Chart(f"run-membranes-{block}", "membranes", "lines", block, named + ".", views)
        threshold = recording.threshold.get(block, np.inf)
        if np.isfinite(threshold):
            chart.notes.append(f"Threshold: {threshold:g}.")
        for place, neuron in zip(NEURONS, most, strict=False):
            heights = [rounded(float(value)) for value in values[:, neuron]]
            none = [None] * steps
            add_series(
                chart, lines.number("Neurons", place), {"v": {"x": when, "y": heights, "low": none, "high": none}}
            )
        charts.append(chart)
    return charts


def _points(metrics: Sequence[Mapping[str, Any]], value: Any, scale: float = 1.0) -> dict[str, list[Any]] | None:
    rows = [(row["epoch"], value(row)) for row in metrics if value(row) is not None]
    none: list[Any] = [None] * len(rows)
    found = {"x": [epoch for epoch, _ in rows], "y": [rounded(scale * height) for _, height in rows]}
    return {**found, "low": none, "high": none} if rows else None
