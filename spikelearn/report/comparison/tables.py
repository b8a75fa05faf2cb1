"""Tables and sentences from the summary of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.compare.shown import Cost
from spikelearn.compare.shown import Row as Shown
from spikelearn.compare.shown import Table as Base
from spikelearn.compare.statistics import Difference, Mean
from spikelearn.compare.summary import Summary
from spikelearn.compare.words import p_is, p_value, signed
from spikelearn.report.comparison.costs import without_columns
from spikelearn.report.comparison.facts import first_records
from spikelearn.report.comparison.scheme import Scheme
from spikelearn.report.comparison.sheets import Cell, Column, Row, Table, measured, word
from spikelearn.report.comparison.values import interval, percent, points, seconds


def ranking_table(results: Results, summary: Summary, scheme: Scheme) -> Table:
    """Every arm on every data set and network, the best mean first."""
    columns = [
        Column("arm", "Arm", heads=True, swatch=True),
        Column("rank", "Rank", "number"),
        *_PLACE,
        Column("accuracy", "Accuracy ± SD", "number"),
        Column("interval", f"{100 * summary.level:g} % interval", "number"),
        Column("seeds", "Seeds", "number"),
        Column("difference", "Difference", "number"),
        Column("p", "p (Holm)", "number"),
        Column("verdict", f"Against {summary.reference}"),
        Column("command", "Command", fixed=True),
    ]
    commands = {_key(place): record.get("command") for place, record in first_records(results)}
    rows = []
    for base in summary.tables:
        for rank, shown in enumerate(base.rows, 1):
            command = commands.get((base.data, base.net, shown.arm)) or ""
            cells = (
                word(shown.arm),
                Cell(str(rank), float(rank)),
                word(base.data),
                word(base.net),
                *_accuracy(shown.accuracy),
                Cell(str(len(shown.seeds)), float(len(shown.seeds))),
                *_difference(shown.difference),
                Cell(f"Copy the command of {shown.arm} on {base.data}", None, copy=command) if command else Cell(""),
            )
            rows.append(Row(cells, scheme.arms_of(shown.arm), scheme.data_of(base.data)))
    about = (
        f"Test accuracy at the base point in percent, mean and standard deviation over seeds; the difference to "
        f"{summary.reference} in points, paired by seed, with its interval; the command of the first seed."
    )
    return _trimmed(Table("ranking", "Accuracy", about, columns, rows), scheme)


_PLACE = (Column("data", "Data set"), Column("net", "Network"))


def _key(place: Mapping[str, Any]) -> tuple[str, str, str]:
    return place["data"], place["net"], place["arm"]


def _trimmed(table: Table, scheme: Scheme) -> Table:
    """The table without columns that say the same in every row."""
    names = (set() if len(scheme.data) > 1 else {"data"}) | (set() if scheme.many_nets else {"net"})
    table.columns, table.rows = without_columns(table.columns, table.rows, names)
    return table


def _accuracy(mean: Mean) -> tuple[Cell, Cell]:
    why = mean.note or ""
    spread = "" if mean.sd is None else f" ± {mean.sd:.2f}"
    return measured(_share(mean.mean), lambda value: percent(value) + spread, why), _between(mean.interval, why)


def _share(value: float | None) -> float | None:
    return None if value is None else value / 100


def _between(pair: tuple[float, float] | None, why: str, signed: bool = False) -> Cell:
    if pair is None:
        return Cell("none", None, why or "it needs two seeds")
    return Cell(interval(pair[0] / 100, pair[1] / 100, signed), pair[0])


def _difference(difference: Difference | None) -> tuple[Cell, ...]:
    if difference is None:
        return (Cell("reference", 0.0), Cell(""), Cell("", ""))
    why, pair = difference.note or "", difference.mean.interval
    between = "" if pair is None else f" {_between(pair, why, signed=True).text}"
    return (
        measured(_share(difference.mean.mean), lambda value: points(value) + between, why),
        measured(difference.p_holm, p_value, why),
        word(difference.verdict),
    )


def reach_table(summary: Summary, scheme: Scheme) -> Table:
    """What it took to reach shares of the reference's accuracy."""
    names = list(dict.fromkeys(name for base in summary.tables for name in base.targets))
    columns = [Column("arm", "Arm", heads=True, swatch=True), *_PLACE]
    columns += [Column(f"t{at}", name, "number") for at, name in enumerate(names)]
    rows = []
    for base in summary.tables:
        for shown in base.rows:
            cells = [_reached(shown, shown.costs.get(name)) for name in names]
            head = (word(shown.arm), word(base.data), word(base.net))
            rows.append(Row((*head, *cells), scheme.arms_of(shown.arm), scheme.data_of(base.data)))
    about = (
        f"Epochs and training time until one epoch's accuracy was first that share of {summary.reference}'s mean "
        "accuracy; means over the seeds that came there, with their number where not all did."
    )
    return _trimmed(Table("reach", "Way to an accuracy", about, columns, rows), scheme)


def _reached(shown: Shown, cost: Cost | None) -> Cell:
    if cost is None or shown.curve_of is None:
        return Cell("not measured", None, "no accuracy was measured during training")
    if not cost.reached or cost.epochs is None:
        return Cell("never", None)
    spent = "" if cost.seconds is None else f", {seconds(cost.seconds)}"
    some = "" if cost.reached == cost.seeds else f" ({cost.reached} of {cost.seeds})"
    epochs = f"{cost.epochs:.1f}".removesuffix(".0")
    return Cell(f"{epochs} {'epoch' if epochs == '1' else 'epochs'}{spent}{some}", cost.epochs)


def statistics_tables(summary: Summary, scheme: Scheme) -> list[Table]:
    """Every comparison that was tested."""
    own = [(base, {row.arm: row.difference for row in base.rows if row.difference}) for base in summary.tables]
    about = f"Each arm less {summary.reference}, in points of accuracy, paired by seed."
    tables = [_tests("against", f"Against {summary.reference}", about, own, scheme)]
    controls = {base.control for base in summary.tables if base.control} - {summary.reference}
    for control in sorted(controls):
        over = [(base, base.over_control) for base in summary.tables if base.control == control]
        about = f"Each arm less {control}, which trains the readout alone: what training hidden blocks brings."
        tables.append(_tests("control", f"Against {control}", about, over, scheme))
    if summary.ranks.pairs:
        tables.append(_nemenyi(summary, scheme))
    return [table for table in tables if table.rows]


def _tests(
    key: str, title: str, about: str, found: Sequence[tuple[Base, Mapping[str, Difference]]], scheme: Scheme
) -> Table:
    columns = [
        Column("arm", "Arm", heads=True, swatch=True),
        *_PLACE,
        Column("pairs", "Pairs", "number"),
        Column("difference", "Difference", "number"),
        Column("interval", "Interval (t)", "number"),
        Column("bootstrap", "Interval (bootstrap)", "number"),
        Column("p", "p", "number"),
        Column("holm", "p (Holm)", "number"),
        Column("wilcoxon", "p (Wilcoxon)", "number"),
        Column("effect", "Effect size", "number"),
        Column("verdict", "Verdict"),
    ]
    rows: list[Row] = []
    notes: dict[str, list[str]] = {}
    for base, differences in found:
        for arm, one in differences.items():
            rows.append(Row(_test(base, one), scheme.arms_of(arm), scheme.data_of(base.data)))
            for text in (one.note, one.no_wilcoxon and f"Wilcoxon: {one.no_wilcoxon}", _dropped(one)):
                if text:
                    notes.setdefault(text, []).append(f"{arm} on {base.data}" if len(scheme.data) > 1 else arm)
    table = Table(key, title, about, columns, rows)
    table.notes = [f"{_upper(text)} ({', '.join(dict.fromkeys(where))})." for text, where in notes.items()]
    return _trimmed(table, scheme)


def _test(base: Base, one: Difference) -> tuple[Cell, ...]:
    why = one.note or ""
    effect = measured(one.effect, signed, one.no_effect or "")
    if one.effect is not None and one.effect_interval is not None:
        low, high = (f"{value:.2f}".replace("-", "−") for value in one.effect_interval)
        effect = Cell(f"{effect.text} [{low}, {high}]", one.effect)
    return (
        word(one.arm),
        word(base.data),
        word(base.net),
        Cell(str(len(one.seeds)), float(len(one.seeds))),
        measured(_share(one.mean.mean), points, why),
        _between(one.mean.interval, why, signed=True),
        _between(one.mean.bootstrap, one.mean.note or why, signed=True),
        measured(one.p, p_value, why, "none"),
        measured(one.p_holm, p_value, why, "none"),
        measured(one.wilcoxon, p_value, one.no_wilcoxon or "", "none"),
        effect,
        word(one.verdict),
    )


def _dropped(one: Difference) -> str:
    seeds = ", ".join(map(str, one.dropped))
    return f"without seed {seeds}, which only one of the two has" if seeds else ""


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _nemenyi(summary: Summary, scheme: Scheme) -> Table:
    ranks = summary.ranks
    columns = [Column("arm", "Arm", heads=True, swatch=True), Column("rank", "Mean rank", "number")]
    columns += [Column(f"a{at}", arm, "number") for at, arm in enumerate(ranks.ranks)]
    rows = []
    for arm, rank in ranks.ranks.items():
        cells = [
            Cell("") if other == arm else measured((ranks.pairs or {})[arm][other], p_value) for other in ranks.ranks
        ]
        rows.append(Row((word(arm), Cell(f"{rank:.2f}", rank), *cells), scheme.arms_of(arm)))
    about = f"p of Nemenyi's test for every pair of arms, over {len(ranks.blocks)} data sets."
    return Table("nemenyi", "Over data sets", about, columns, rows)


def diagrams(summary: Summary) -> list[dict[str, Any]]:
    """The critical difference diagram, where ranks could be tested."""
    from markupsafe import Markup

    from spikelearn.report.comparison.diagram import critical_difference_svg

    ranks = summary.ranks
    if ranks.critical is None:
        return []
    name = "Mean ranks over data sets"
    svg = critical_difference_svg(ranks.ranks, ranks.groups, ranks.critical, name)
    about = (
        f"1 is the best. Bars join arms that Nemenyi's test does not tell apart over {len(ranks.blocks)} data sets "
        f"(Friedman: {p_is(ranks.p or 0.0)}). The filters do not change it."
    )
    return [{"name": name, "about": about, "data": None, "svg": Markup(svg)}]


def methods(summary: Summary) -> list[str]:
    """How it was tested, in sentences."""
    level = f"{100 * summary.level:g} %"
    ranks = summary.ranks
    found = [
        f"Every arm meets the same seeds, and is compared with {summary.reference} seed by seed. “Better” and "
        f"“worse” take both: p < {1 - summary.level:.2g} in a paired t-test after Holm's correction over the "
        f"arms, and a mean difference of at least {summary.threshold:g} points. “Equivalent” means that the "
        f"whole {level} interval lies within ±{summary.threshold:g} points. The correction is for the arms at one "
        "place: over many places, as along the axes, some differences will be shown that are none.",
        f"Intervals are Student's t, {level}; the bootstrap (BCa) stands beside them in the tables below, and is too "
        "narrow with few seeds. Wilcoxon's test needs six unequal pairs. The effect size is the mean difference over "
        "its standard deviation, with Hedges' correction.",
    ]
    if ranks.critical is None:
        found.append(f"Mean ranks over data sets were not tested: {ranks.reason or 'too few of them'}.")
    if ranks.left_out:
        found.append(f"Not ranked, as they lack a data set: {', '.join(ranks.left_out)}.")
    return found
