"""The statistics: how it was tested, and every test."""

from collections.abc import Mapping, Sequence

from spikelearn.bench.analyse.statistics import Difference
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.analyse.summary_tables import BaseTable
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Section, Sentences
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
from spikelearn.report.findings.sentences import p_value, signed

COLUMNS = (
    ARM,
    DATA,
    NET,
    Column("pairs", "Pairs", "number"),
    Column("difference", "Difference", "number"),
    Column("interval", "Interval (t)", "number"),
    Column("bootstrap", "Interval (bootstrap)", "number"),
    Column("p", "p", "number"),
    Column("holm", "p (Holm)", "number"),
    Column("wilcoxon", "p (Wilcoxon)", "number"),
    Column("effect", "Effect size", "number"),
    Column("needed", "Seeds needed", "number"),
    Column("verdict", "Verdict", "wrap"),
)


def section(material: Material) -> Section:
    """Sentences on the methods, and the tables."""
    tables = _tables(material.summary, material.layout)
    return Section("statistics", "Statistics", (Sentences(methods(material.summary)), *tables))


def _tables(summary: Summary, layout: Layout) -> list[Table]:
    """Every comparison that was tested."""
    own = [(table, {row.arm: row.difference for row in table.rows if row.difference}) for table in summary.tables]
    unit = "points of accuracy" if summary.measure.share else summary.measure.words
    about = f"Each arm less {summary.reference}, in {unit}, paired by seed."
    figures = Figures(summary.measure)
    tables = [_tests("against", f"Against {summary.reference}", about, own, layout, figures)]
    controls = {table.control for table in summary.tables if table.control} - {summary.reference}
    for control in sorted(controls):
        over = [(table, table.over_control) for table in summary.tables if table.control == control]
        about = f"Each arm less {control}, which trains the readout alone: what training hidden blocks brings."
        tables.append(_tests("control", f"Against {control}", about, over, layout, figures))
    if summary.ranks.pairs:
        tables.append(_nemenyi(summary, layout))
    return [table for table in tables if table.rows]


def _tests(
    key: str,
    title: str,
    about: str,
    tested: Sequence[tuple[BaseTable, Mapping[str, Difference]]],
    layout: Layout,
    figures: Figures,
) -> Table:
    rows: list[Row] = []
    notes: dict[str, list[str]] = {}
    for table, differences in tested:
        for arm, one in differences.items():
            rows.append(Row(_cells(table, one, figures), layout.arms_of(arm), layout.data_of(table.data)))
            for text in (one.note, one.no_wilcoxon and f"Wilcoxon: {one.no_wilcoxon}", _dropped(one)):
                if text:
                    notes.setdefault(text, []).append(f"{arm} on {table.data}" if len(layout.data) > 1 else arm)
    sentences = [f"{capitalised(text)} ({', '.join(dict.fromkeys(where))})." for text, where in notes.items()]
    return Table(key, title, about, *without_places(COLUMNS, rows, layout), notes=sentences)


def _cells(table: BaseTable, one: Difference, figures: Figures) -> tuple[Cell, ...]:
    why = one.note or ""
    effect = number_cell(one.effect, signed, one.no_effect or "")
    if one.effect is not None and one.effect_interval is not None:
        low, high = (f"{value:.2f}".replace("-", "−") for value in one.effect_interval)
        effect = Cell(f"{effect.text} [{low}, {high}]", one.effect)
    return (
        text_cell(one.arm),
        text_cell(table.data),
        text_cell(table.net),
        Cell(str(len(one.seeds)), float(len(one.seeds))),
        number_cell(in_files(one.mean.mean, figures), figures.change, why),
        interval_cell(one.mean.seen, why, figures, signed=True),
        interval_cell(one.mean.bootstrap, one.mean.note or why, figures, signed=True),
        number_cell(one.p, p_value, why, "none"),
        number_cell(one.p_holm, p_value, why, "none"),
        number_cell(one.wilcoxon, p_value, one.no_wilcoxon or "", "none"),
        effect,
        number_cell(one.seeds_needed, lambda seeds: f"{seeds:,.0f}", "the pairs do not scatter, or there is only one"),
        text_cell(one.verdict),
    )


def _dropped(one: Difference) -> str:
    seeds = ", ".join(map(str, one.dropped))
    return f"without seed {seeds}, which only one of the two has" if seeds else ""


def _nemenyi(summary: Summary, layout: Layout) -> Table:
    ranks = summary.ranks
    columns = [ARM, Column("rank", "Mean rank", "number")]
    columns += [Column(f"a{at}", arm, "number") for at, arm in enumerate(ranks.ranks)]
    rows = []
    for arm, rank in ranks.ranks.items():
        cells = [
            Cell("") if other == arm else number_cell((ranks.pairs or {})[arm][other], p_value) for other in ranks.ranks
        ]
        rows.append(Row((text_cell(arm), Cell(f"{rank:.2f}", rank), *cells), layout.arms_of(arm)))
    about = f"p of Nemenyi's test for every pair of arms, over {len(ranks.blocks)} data sets."
    return Table("nemenyi", "Over data sets", about, columns, rows)


def methods(summary: Summary) -> list[str]:
    """How it was tested, in sentences."""
    level = f"{100 * summary.level:g} %"
    ranks = summary.ranks
    least = f"{summary.threshold:g} points" if summary.measure.share else f"{summary.threshold:g} % of its mean"
    sentences = [
        f"Every arm meets the same seeds, and is compared with {summary.reference} seed by seed. “Better” and "
        f"“worse” take both: p < {1 - summary.level:.2g} in a paired t-test after Holm's correction over the "
        f"arms, and a mean difference of at least {least}. “Equivalent” means that the "
        f"whole {level} interval lies within ±{least}. The correction is for the arms of "
        "one ranking: over many tables, as under other conditions, some differences will be shown that are none.",
        f"Intervals are Student's t, {level}; the bootstrap (BCa) stands beside them in the tables below, and is too "
        "narrow with few seeds. Wilcoxon's test needs six unequal pairs. The effect size is the mean difference over "
        "its standard deviation, with Hedges' correction.",
        f"“Seeds needed” says from how many pairs on a true difference of {least} would be shown four times in five "
        "(t-test before the correction), if pairs scatter as they did here: known roughly where seeds are few.",
        *_of_samples(summary, level),
    ]
    if ranks.critical is None:
        sentences.append(f"Mean ranks over data sets were not tested: {ranks.reason or 'too few of them'}.")
    if ranks.left_out:
        sentences.append(f"Not ranked, as they lack a data set: {', '.join(ranks.left_out)}.")
    return sentences


def _of_samples(summary: Summary, level: str) -> list[str]:
    """What the number of test samples leaves open."""
    told = []
    for table in summary.tables:
        best = table.rows[0]
        if best.test_samples is not None and best.test_interval is not None:
            low, high = (f"{end:.2f}" for end in best.test_interval)
            told.append(f"{best.test_samples:,} of {table.where} leave {low} to {high} % for {best.arm}")
    if not told:
        return []
    return [
        "An interval over seeds says what other seeds would reach on the same test samples. What other test samples "
        f"would show is open too, and more seeds do not narrow it: {'; '.join(told)} (Wilson, {level}). All arms are "
        "tested on the same samples, so of their difference less is open than if each had samples of its own."
    ]
