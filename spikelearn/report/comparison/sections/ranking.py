"""The ranking: every arm with its mean score and its difference to the reference."""

from collections.abc import Mapping
from typing import Any

from spikelearn.bench.analyse.statistics import Difference, Mean
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.analyse.summary_tables import ArmRow, BaseTable, Ordinary
from spikelearn.report.comparison.diagram import critical_difference_svg
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.reruns import rerun_command
from spikelearn.report.comparison.section import Diagram, Section
from spikelearn.report.comparison.statistic_cells import in_files, interval_cell
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
    without_places,
)
from spikelearn.report.comparison.values import Figures, capitalised
from spikelearn.report.findings.sentences import p_is, p_value
from spikelearn.tasks import ACCURACY

#: Name of the network without spikes.
ORDINARY = "ordinary network"


def section(material: Material) -> Section:
    """The table, and the critical difference diagram where ranks over data sets could be tested."""
    return Section("ranking", "Ranking", (ranking_table(material), *_diagrams(material.summary)))


def ranking_table(material: Material) -> Table:
    """Every arm on every data set and network, the best mean first."""
    summary, layout = material.summary, material.layout
    measure = summary.measure
    columns = [
        ARM,
        Column("rank", "Rank", "number"),
        DATA,
        NET,
        Column(measure.name, f"{capitalised(measure.words)} ± SD", "number"),
        Column("interval", f"{100 * summary.level:g} % interval", "number"),
        Column("seeds", "Seeds", "number"),
        Column("samples", "Test samples", "number"),
        Column("difference", "Difference", "number"),
        Column("p", "p (Holm)", "number"),
        Column("verdict", f"Against {summary.reference}", "wrap"),
        Column("command", "Rerun", fixed=True),
    ]
    figures = Figures(measure)
    commands = {_key(place): rerun_command(material.results, place) for place, _ in material.first_records}
    rows = []
    for table in summary.tables:
        data = layout.data_of(table.data)
        for rank, row in enumerate(table.rows, 1):
            command = commands.get((table.data, table.net, row.arm), "")
            rows.append(Row(_cells(table, rank, row, command, figures), layout.arms_of(row.arm), data))
        if table.ordinary is not None:
            rows.append(Row(_ordinary_cells(table, table.ordinary, figures), (), data))
    return Table("ranking", capitalised(measure.words), _about(summary), *without_places(columns, rows, layout))


def _about(summary: Summary) -> str:
    measure = summary.measure
    what, unit = (" in percent", " in points") if measure.share else ("", "")
    samples = (
        "beside the number of test samples, how far an accuracy measured on so many may lie from that on all others "
        f"(half of Wilson's {100 * summary.level:g} % interval); "
    )
    better = "" if measure.higher else " (lower is better)"
    return (
        f"Test {measure.words}{what}{better}, mean and standard deviation over seeds, and the interval that the seeds "
        f"leave open; {samples if measure == ACCURACY else ''}the difference to {summary.reference}{unit}, "
        "paired by seed, with its interval; the command that trains the first seed anew."
    )


def _key(place: Mapping[str, Any]) -> tuple[str, str, str]:
    return place["data"], place["net"], place["arm"]


def _cells(table: BaseTable, rank: int, row: ArmRow, command: str, figures: Figures) -> tuple[Cell, ...]:
    return (
        text_cell(row.arm),
        Cell(str(rank), float(rank)),
        text_cell(table.data),
        text_cell(table.net),
        *_mean_cells(row.score, figures),
        Cell(str(len(row.seeds)), float(len(row.seeds))),
        _samples_cell(row),
        *_difference_cells(row.difference, figures),
        Cell(f"Copy the command of {row.arm} on {table.data}", None, copy=command) if command else Cell(""),
    )


def _ordinary_cells(table: BaseTable, ordinary: Ordinary, figures: Figures) -> tuple[Cell, ...]:
    """The cells of the network without spikes."""
    return (
        text_cell(ORDINARY),
        Cell("–", None),
        text_cell(table.data),
        text_cell(table.net),
        *_mean_cells(ordinary.accuracy, figures),
        Cell(str(ordinary.accuracy.n), float(ordinary.accuracy.n)),
        _samples_cell(ordinary),
        Cell("", None),
        Cell("", None),
        text_cell("not spiking, not tested"),
        Cell(""),
    )


def _mean_cells(mean: Mean, figures: Figures) -> tuple[Cell, Cell]:
    why, scale = mean.note or "", figures.measure.scale
    spread = "" if mean.sd is None else f" ± {figures.spread(mean.sd / scale)}"
    cell = number_cell(in_files(mean.mean, figures), lambda value: figures.of(value) + spread, why)
    return cell, interval_cell(mean.seen, why, figures)


def _samples_cell(row: ArmRow | Ordinary) -> Cell:
    """How many test samples there are, and half the interval that they leave open."""
    if row.test_samples is None or row.test_interval is None:
        return Cell("not known", None, "not in the record")
    low, high = row.test_interval
    return Cell(f"{row.test_samples:,} (±{(high - low) / 2:.2f})", float(row.test_samples))


def _difference_cells(difference: Difference | None, figures: Figures) -> tuple[Cell, ...]:
    if difference is None:
        return (Cell("reference", 0.0), Cell(""), Cell("", ""))
    why, pair = difference.note or "", difference.mean.seen
    between = "" if pair is None else f" {interval_cell(pair, why, figures, signed=True).text}"
    mean = in_files(difference.mean.mean, figures)
    return (
        number_cell(mean, lambda value: figures.change(value) + between, why),
        number_cell(difference.p_holm, p_value, why),
        text_cell(difference.verdict),
    )


def _diagrams(summary: Summary) -> list[Diagram]:
    """The critical difference diagram, where ranks could be tested."""
    ranks = summary.ranks
    if ranks.critical is None:
        return []
    name = "Mean ranks over data sets"
    svg = critical_difference_svg(ranks.ranks, ranks.groups, ranks.critical, name)
    about = (
        f"1 is the best. Bars join arms that Nemenyi's test does not tell apart over {len(ranks.blocks)} data sets "
        f"(Friedman: {p_is(ranks.p or 0.0)}). The filters do not change it."
    )
    return [Diagram(name, about, svg)]
