"""The measure against cost: charts, tables of time, memory, operations and energy, and the way to a score."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spikelearn.bench.analyse.curves import RELATIVE_TOLERANCE
from spikelearn.bench.analyse.ranges import FROM_ZERO
from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.analyse.summary_tables import ArmRow, Cost
from spikelearn.report.comparison.chart import (
    Chart,
    Points,
    add_series,
    axis,
    drawn,
    points_of,
    split_by_arm,
    summarised,
)
from spikelearn.report.comparison.finding_groups import grouped
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.measure_charts import (
    WIDE,
    base_of,
    measure_axis,
    measure_over,
    options_of,
    with_level,
)
from spikelearn.report.comparison.section import Charts, Findings, Section
from spikelearn.report.comparison.table import (
    ARM,
    DATA,
    NET,
    Cell,
    Column,
    Row,
    Table,
    number_cell,
    text_cell,
    without_empty,
    without_places,
)
from spikelearn.report.comparison.values import Figures, capitalised, count, percent, seconds, size, with_prefix
from spikelearn.tasks import ACCURACY

#: Kinds of findings that stand here.
EFFICIENCY = ("efficiency", "plateau")


class CostAxis(NamedTuple):
    """A cost as the horizontal axis of a chart: its name, its label, its value in rows of the results, and a scale."""

    name: str
    label: str
    value: Callable[[Any], Any]
    scale: float = 1.0


COST_AXES = {
    "seconds": CostAxis("training time", "training time (s)", lambda p: p["seconds"]),
    "energy": CostAxis(
        "energy of training",
        "arithmetic energy of training, estimated (J)",
        lambda p: (p["forward_pj"] + p["learning_pj"]) * p["samples"],
        1e-12,
    ),
    "operations": CostAxis(
        "operations in learning",
        "operations in learning per sample",
        lambda p: p["learning_acs"] + p["learning_macs"],
    ),
    "memory": CostAxis("peak memory", "peak memory (MiB)", lambda p: p["peak_bytes"], 2.0**-20),
    "samples": CostAxis("training samples presented", "training samples presented", lambda p: p["samples"]),
}


class CostColumn(NamedTuple):
    """A cost as a column of a table.

    Args:
        key, label: of the column.
        values: in rows of the results of one arm.
        write: how their mean is written.
        part: part of the record that says why it is missing.
    """

    key: str
    label: str
    values: Callable[[Any], Any]
    write: Callable[[float], str]
    part: str


def _joules(value: float) -> str:
    return with_prefix(value, "J")


def _si_seconds(value: float) -> str:
    return with_prefix(value, "s")


def _tenths(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


OF_TIME = (
    CostColumn("plateau", "Plateau (%)", lambda p: p["plateau"], percent, "plateau"),
    CostColumn("epochs", "Epochs to the plateau", lambda p: p["epochs_to_plateau"], _tenths, "plateau"),
    CostColumn("epoch", "Time per epoch", lambda p: p["seconds_per_epoch"], seconds, "seconds"),
    CostColumn("training", "Training time", lambda p: p["seconds"], seconds, "seconds"),
    CostColumn("peak", "Peak memory", lambda p: p["peak_bytes"], size, "peak_bytes"),
    CostColumn("alive", "Tensors of a step", lambda p: p["live_bytes"], size, "payload_bytes"),
)
OF_OPERATIONS = (
    CostColumn("forward", "Forward, AC + MAC", lambda p: p["forward_acs"], count, "forward"),
    CostColumn("learning", "Learning, AC + MAC", lambda p: p["learning_acs"], count, "learning"),
    CostColumn("energy", "Energy, forward", lambda p: p["forward_pj"] * 1e-12, _joules, "forward"),
    CostColumn("energy-learning", "Energy, learning", lambda p: p["learning_pj"] * 1e-12, _joules, "learning"),
    CostColumn(
        "energy-memory",
        "Both, with memory",
        lambda p: (p["forward_with_memory_pj"] + p["learning_with_memory_pj"]) * 1e-12,
        _joules,
        "learning",
    ),
    CostColumn("writes", "Weight writes per epoch", lambda p: p["writes_per_epoch"], count, "writes"),
)
OF_MEMORY_CELLS = (
    CostColumn(
        "in-memory-forward", "Latency, forward", lambda p: p["in_memory_forward_seconds"], _si_seconds, "in_memory"
    ),
    CostColumn("in-memory", "Latency, learning", lambda p: p["in_memory_backward_seconds"], _si_seconds, "in_memory"),
    CostColumn("in-memory-energy", "Energy", lambda p: p["in_memory_joules"], _joules, "in_memory"),
)

#: Columns that show two counts, accumulates and multiply-accumulates; sorted by their sum.
PAIRS = {"forward": ("forward_acs", "forward_macs"), "learning": ("learning_acs", "learning_macs")}

ABOUT_TIME = (
    "Means over seeds. Plateau: the mean accuracy of the last three epochs. It is reached at the first epoch from "
    "which the mean of three epochs stays within half a point of it; an accuracy that still rises or falls at the last "
    "epoch has reached none. Peak memory is that of the whole process, libraries included; tensors of a step are those "
    "that one step of learning keeps alive at once, counted."
)
ABOUT_OPERATIONS = (
    "Means over seeds, of one sample, effective operations only (a weight and an input that are not zero); learning is "
    "what comes on top of one forward pass. AC: accumulate, MAC: multiply-accumulate. Energies are estimates: see "
    "Energy, under Conditions."
)
ABOUT_MEMORY_CELLS = (
    "Means over seeds, of one sample, by a first-order model of a chip whose arrays hold the weights; learning is the "
    "error, the weights' gradients and a batch's share of the update."
)


def section(material: Material) -> Section:
    """Charts of the measure against every cost, sentences on efficiency, and the tables."""
    results, summary, layout = material.results, material.summary, material.layout
    charts = with_level(cost_charts(results, layout), summary, layout)
    options = options_of(charts, {key: cost.name for key, cost in COST_AXES.items()})
    words = Findings("Cost in words", grouped(material.findings, summary, layout, EFFICIENCY), label="Cost in words")
    tables = [table for table in cost_tables(material) if table.rows]
    title = f"{capitalised(summary.measure.words)} against cost"
    return Section(
        "cost", title, (Charts("cost", charts, options, "Cost"), words, *tables, reach_table(summary, layout))
    )


def cost_charts(results: Results, layout: Layout) -> list[Chart]:
    """The measure against every cost, a chart for every data set and network."""
    charts = []
    for facet in layout.facets:
        views = {
            key: {"x": axis(cost.label, within=FROM_ZERO), "y": measure_axis(results.measure)}
            for key, cost in COST_AXES.items()
        }
        about = "Mean over seeds; bars: 95 % intervals. "
        about += f"{'Up' if results.measure.higher else 'Down'} and to the left is better."
        chart = Chart(f"cost-{facet.key}", "cost", "points", facet.name, about, views, data=facet.data)
        base = facet.of(base_of(results.points))
        scores = split_by_arm(measure_over(base, ["arm"], results.measure))
        costs = {key: split_by_arm(_means_of(base, cost)) for key, cost in COST_AXES.items()}
        for arm, score in scores.items():
            points = {key: _cost_point(score, across.get(arm)) for key, across in costs.items()}
            add_series(chart, layout.arm(arm), points)
        charts.append(chart)
        for key, view in views.items():
            xs = [one["points"][key]["x"][0] for one in chart.series if key in one["points"]]
            view["x"]["type"] = "log" if xs and max(xs) >= WIDE * min(xs) else "linear"
    return drawn(charts)


def _means_of(base: Any, cost: CostAxis) -> Any:
    return summarised(base.assign(cost=cost.value(base)), ["arm"], "cost", cost.scale, within=FROM_ZERO)


def _cost_point(score: Any, cost: Any) -> Points | None:
    up, across = points_of(score, xs=[None]), None if cost is None else points_of(cost, xs=[None])
    if up is None or across is None or across["y"][0] <= 0:
        return None
    low = across["low"][0]
    # On a logarithmic axis an interval that reaches zero has no lower end to draw.
    inside = low is None or low > 0
    return {**up, "x": across["y"], "xlow": across["low"] if inside else across["y"], "xhigh": across["high"]}


def cost_tables(material: Material) -> list[Table]:
    """What every arm costs on every data set and network: time and memory, then operations and energy."""
    measure = material.results.measure
    of_time, about = OF_TIME, ABOUT_TIME
    if not measure.share:
        of_time = (OF_TIME[0]._replace(label="Plateau", write=Figures(measure).of), *OF_TIME[1:])
        about = about.replace("half a point", f"{100 * RELATIVE_TOLERANCE:g} %")
        about = about.replace("an accuracy", f"a {measure.words}").replace("accuracy", measure.words)
    return [
        _table("costs", "Costs", about, of_time, material),
        _table("operations", "Operations and energy", ABOUT_OPERATIONS, OF_OPERATIONS, material),
        _table("in-memory", "On compute-in-memory", ABOUT_MEMORY_CELLS, OF_MEMORY_CELLS, material),
    ]


def _table(key: str, title: str, about: str, costs: Sequence[CostColumn], material: Material) -> Table:
    layout = material.layout
    columns = [ARM, DATA, NET, *(Column(cost.key, cost.label, "number") for cost in costs)]
    rows: list[Row] = []
    reasons: dict[tuple[str, str], list[str]] = {}
    for facet in layout.facets:
        for arm, mine in facet.of(base_of(material.results.points)).groupby("arm", sort=False):
            why = material.reasons(mine)
            cells = [text_cell(arm), text_cell(facet.data_name), text_cell(facet.net)]
            for cost in costs:
                cells.append(_cost_cell(cost, mine, why.get(cost.part, "")))
                if cells[-1].reason:
                    reasons.setdefault((cost.label, cells[-1].reason), []).append(str(arm))
            rows.append(Row(tuple(cells), layout.arms_of(str(arm)), facet.data))
    columns, rows = without_empty(columns, rows, {"arm", *layout.place_columns})
    return Table(key, title, about, *without_places(columns, rows, layout), notes=_notes(reasons))


def _cost_cell(cost: CostColumn, mine: Any, reason: str) -> Cell:
    values = cost.values(mine)
    if cost.key in PAIRS:
        adds, multiplies = (mine[name].mean() for name in PAIRS[cost.key])
        if math.isfinite(adds) and math.isfinite(multiplies):
            return Cell(f"{cost.write(adds)} + {cost.write(multiplies)}", adds + multiplies)
    if cost.key == "epochs" and values.isna().any() and not reason:
        reason = next((str(text) for text in mine["no_plateau"] if text), "")
        still = int(values.isna().sum())
        if still < len(values):
            reason = f"{reason} in {still} of {len(values)} seeds"
        return Cell("no plateau", None, reason or "no curve was measured")
    return number_cell(values.mean() if values.notna().all() else None, cost.write, reason)


def _notes(reasons: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Every reason once, with the columns and the arms it holds for."""
    by_reason: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (label, reason), arms in reasons.items():
        by_reason.setdefault((reason, tuple(dict.fromkeys(arms))), []).append(label)
    return [f"{', '.join(labels)} of {', '.join(arms)}: {reason}." for (reason, arms), labels in by_reason.items()]


def reach_table(summary: Summary, layout: Layout) -> Table:
    """What it took to reach shares of what the reference reaches."""
    words = summary.measure.words
    names = list(dict.fromkeys(name for table in summary.tables for name in table.targets))
    columns = [ARM, DATA, NET, *(Column(f"t{at}", name, "number") for at, name in enumerate(names))]
    rows = []
    for table in summary.tables:
        for row in table.rows:
            cells = [_way_cell(row, row.costs.get(name), words) for name in names]
            head = (text_cell(row.arm), text_cell(table.data), text_cell(table.net))
            rows.append(Row((*head, *cells), layout.arms_of(row.arm), layout.data_of(table.data)))
    about = (
        f"Epochs and training time until one epoch's {words} was first that share of {summary.reference}'s mean "
        f"{words}; means over the seeds that came there, with their number where not all did."
    )
    title = "Way to an accuracy" if summary.measure == ACCURACY else f"Way to a {words}"
    return Table("reach", title, about, *without_places(columns, rows, layout))


def _way_cell(row: ArmRow, cost: Cost | None, words: str) -> Cell:
    if cost is None or row.curve_of is None:
        return Cell("not measured", None, f"no {words} was measured during training")
    if not cost.reached or cost.epochs is None:
        return Cell("never", None)
    spent = "" if cost.seconds is None else f", {seconds(cost.seconds)}"
    some = "" if cost.reached == cost.seeds else f" ({cost.reached} of {cost.seeds})"
    epochs = f"{cost.epochs:.1f}".removesuffix(".0")
    return Cell(f"{epochs} {'epoch' if epochs == '1' else 'epochs'}{spent}{some}", cost.epochs)
