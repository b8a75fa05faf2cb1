"""What may be said of a comparison, in sentences that follow from its statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spikelearn.bench.analyse.ranks import Ranks
from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.statistics import Difference, Mean
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.analyse.summary_tables import ArmRow, BaseTable
from spikelearn.report.findings.caveats import caveats_of
from spikelearn.report.findings.robustness import along
from spikelearn.report.findings.sentences import Finding, all_or, joined, p_is, seeds_named, signed, spread
from spikelearn.tasks import Measure

#: Arms of one verdict up to which each is told with its interval and its p.
FEW = 3


@dataclass(frozen=True)
class _Asked:
    """What is compared, and from which difference on."""

    reference: str
    threshold: float
    level: float
    measure: Measure

    @property
    def least(self) -> str:
        """The smallest difference that counts, in words."""
        return (
            f"{self.threshold:g} points" if self.measure.share else f"{self.threshold:g} % of {self.reference}'s mean"
        )


def findings_of(results: Results, summary: Summary) -> tuple[Finding, ...]:
    """All findings: of every table, along every axis, over the data sets, and the warnings at the end."""
    asked = _Asked(summary.reference, summary.threshold, summary.level, summary.measure)
    findings: list[Finding] = []
    for table in summary.tables:
        told = (*_best(table, asked), *_verdicts(table, asked), *_control(table, asked), *_ordinary(table))
        told = (*told, *_efficiency(table, asked.measure))
        findings += [Finding(kind, text, table.where) for kind, text in told]
    for axis in summary.axes:
        base = next((table for table in summary.tables if (table.data, table.net) == (axis.data, axis.net)), None)
        findings += along(axis, asked.reference, base, asked.measure)
    findings += [Finding("ranks", text) for text in _ranks(summary.ranks, asked)]
    return (*findings, *caveats_of(results, summary.tables))


def _best(table: BaseTable, asked: _Asked) -> Iterator[tuple[str, str]]:
    first = table.rows[0]
    if len(table.rows) == 1:
        yield "best", f"{first.arm} alone has results: {_value(first, asked.measure)}."
        return
    lead = ""
    difference, measure = first.difference, asked.measure
    # Over the seeds that both have, the best mean of all may lie behind.
    if difference is not None and difference.mean.mean is not None and measure.is_better(difference.mean.mean, 0.0):
        state = {
            "better": "is shown",
            "equivalent": f"is shown to be below {asked.least}",
            "not compared": "cannot be tested",
        }.get(difference.verdict, "is not shown")
        lead = f"; its lead over {asked.reference} of {measure.apart(difference.mean.mean)} {state}"
    mean = f"the {'highest' if measure.higher else 'lowest'} mean {measure.words}"
    yield "best", f"{first.arm} has {mean}: {_value(first, measure)}{lead}."


def _value(row: ArmRow, measure: Measure) -> str:
    return spread(row.score, row.test_samples, row.test_interval, measure)


def _verdicts(table: BaseTable, asked: _Asked) -> Iterator[tuple[str, str]]:
    apart = f"of {asked.least} or more"
    named = {
        "better": f"Better than {asked.reference}",
        "worse": f"Worse than {asked.reference}",
        "equivalent": f"Within {asked.threshold:g} points of {asked.reference}"
        if asked.measure.share
        else f"Within {asked.least}",
        "no difference shown": f"No difference from {asked.reference} {apart} is shown for",
    }
    others = {row.arm: row.difference for row in table.rows if row.difference is not None}
    for verdict, words in named.items():
        differences = [difference for difference in others.values() if difference.verdict == verdict]
        if differences:
            colon = "" if words.endswith(" for") else ":"
            yield verdict, f"{words}{colon} {_told(differences, asked.measure)}."
    reasons: dict[str, list[str]] = {}
    for arm, difference in others.items():
        if difference.verdict == "not compared":
            reasons.setdefault(difference.note or "no results", []).append(arm)
    for reason, arms in reasons.items():
        yield "not compared", f"Not compared with {asked.reference}: {all_or(arms, len(others))} ({reason})."


def _told(differences: Sequence[Difference], measure: Measure) -> str:
    return _each(differences, measure) if len(differences) <= FEW else _many(differences, measure)


def _each(differences: Sequence[Difference], measure: Measure) -> str:
    """Arms with their difference, its interval and the corrected p."""
    told = []
    for one in differences:
        pair = one.mean.seen
        ends = [_bare(measure.change(end)) for end in pair or ()]
        between = " to ".join(ends) if pair else f"the same in all {one.mean.n} seeds"
        p = "" if one.p_holm is None else f", {p_is(one.p_holm)}"
        dropped = f", {_without(one)}" if one.dropped else ""
        told.append(f"{one.arm} ({measure.change(one.mean.mean or 0.0)}, {between}{p}{dropped})")
    return joined(told)


def _bare(change: str) -> str:
    """A change without its unit."""
    return change.removesuffix(" points")


def _many(differences: Sequence[Difference], measure: Measure) -> str:
    """Arms with their difference, and the p that bounds all of them; the rest stands in the tables."""
    told = [
        f"{one.arm} {_bare(measure.change(one.mean.mean or 0.0))}" + (f" ({_without(one)})" if one.dropped else "")
        for one in differences
    ]
    ps = [one.p_holm for one in differences if one.p_holm is not None]
    bound = {"better": "≤", "worse": "≤", "no difference shown": "≥"}.get(differences[0].verdict)
    p = max(ps, default=1.0) if bound == "≤" else min(ps, default=0.0)
    known = ps and bound and (bound == "≤" or p >= 0.001)
    return (
        joined(told) + (" points" if measure.share else "") + (f", each with {p_is(p, bound or '')}" if known else "")
    )


def _without(difference: Difference) -> str:
    return f"without {seeds_named(difference.dropped)}"


def _control(table: BaseTable, asked: _Asked) -> Iterator[tuple[str, str]]:
    """Who is above the readout alone; said already where that is the reference, or where nothing can be compared."""
    told_already = all(row.difference is None or row.difference.verdict == "not compared" for row in table.rows)
    if table.control in (None, asked.reference) or told_already:
        return
    apart = f"not shown to differ by {asked.least} or more"
    words = {
        "better": ("is better", "are better"),
        "worse": ("is worse", "are worse"),
        "unshown": (f"is {apart}", f"are {apart}"),
        "not compared": ("cannot be compared", "cannot be compared"),
    }
    by: dict[str, list[str]] = {state: [] for state in words}
    for arm, difference in table.over_control.items():
        by[difference.verdict if difference.verdict in by else "unshown"].append(arm)
    count = len(table.over_control)
    told = [f"{all_or(arms, count)} {words[state][len(arms) > 1]}" for state, arms in by.items() if arms]
    if told:
        yield "control", f"Against {table.control}, which trains no hidden layer: {'; '.join(told)}."


def _ordinary(table: BaseTable) -> Iterator[tuple[str, str]]:
    """What the same layers reach without spikes."""
    ordinary, best = table.ordinary, table.rows[0]
    if ordinary is not None and ordinary.accuracy.mean is not None and best.score.mean is not None:
        told = spread(ordinary.accuracy, ordinary.test_samples, ordinary.test_interval)
        apart = ordinary.accuracy.mean - best.score.mean
        yield (
            "ordinary",
            (
                f"An ordinary network of the same layers, ReLU without spikes and trained by backpropagation: {told}; "
                f"{signed(apart)} points from {best.arm}, not tested."
            ),
        )


def _efficiency(table: BaseTable, measure: Measure) -> Iterator[tuple[str, str]]:
    for name in reversed(list(table.targets)):
        there = [row for row in table.rows if row.costs[name].reached == row.costs[name].seeds]
        if len(there) > 1:
            yield from _ways(table, name, there, measure)
            break
    flat = [row for row in table.rows if row.measures["epochs_to_plateau"].mean is not None and not row.no_plateau]
    if len(flat) > 1:
        flat.sort(key=lambda row: row.measures["epochs_to_plateau"].mean or 0.0)
        words = [
            f"{row.arm} after {_count(row.measures['epochs_to_plateau'])} "
            f"at {measure.shown(row.measures['plateau'].mean or 0.0)}"
            for row in flat
        ]
        yield "plateau", f"Epochs to the plateau, with the {measure.words} there: {joined(words)}."


def _ways(table: BaseTable, name: str, there: Sequence[ArmRow], measure: Measure) -> Iterator[tuple[str, str]]:
    """Who reached a target, in the order of epochs, and who did not."""
    target = f"{name} ({measure.shown(table.targets[name])})"
    ordered = sorted(there, key=lambda row: row.costs[name].epochs or 0.0)
    words = [f"{row.arm} {row.costs[name].epochs or 0.0:.1f}" for row in ordered]
    some = [row for row in table.rows if 0 < row.costs[name].reached < row.costs[name].seeds]
    never = [row.arm for row in table.rows if not row.costs[name].reached]
    partly = joined([f"{row.arm} ({row.costs[name].reached} of {row.costs[name].seeds})" for row in some])
    rest = (f"; in some seeds only: {partly}" if some else "") + (f"; never: {joined(never)}" if never else "")
    yield "efficiency", f"Epochs to {target}: {joined(words)}{rest}."
    samples = [row for row in ordered if row.costs[name].samples is not None]
    if len(samples) == len(ordered):
        samples.sort(key=lambda row: row.costs[name].samples or 0.0)
        told = [f"{row.arm} {row.costs[name].samples or 0.0:,.0f}" for row in samples]
        yield "efficiency", f"Samples presented up to {target}: {joined(told)}."
    timed = [row for row in ordered if row.costs[name].seconds is not None]
    if len(timed) == len(ordered) and len({machine for row in table.rows for machine in row.machines}) == 1:
        timed.sort(key=lambda row: row.costs[name].seconds or 0.0)
        told = [f"{row.arm} {row.costs[name].seconds or 0.0:.3g} s" for row in timed]
        yield "efficiency", f"Time of training up to {target}: {joined(told)}."


def _ranks(ranks: Ranks, asked: _Asked) -> Iterator[str]:
    if ranks.p is None or ranks.critical is None:
        return
    order = joined([f"{arm} {rank:.2f}" for arm, rank in ranks.ranks.items()])
    yield f"Average ranks over {len(ranks.blocks)} data sets: {order} (Friedman's test: {p_is(ranks.p)})."
    if ranks.p >= 1 - asked.level:
        yield "Over the data sets, no difference of ranks is shown."
        return
    arms = list(ranks.ranks)
    apart = [
        f"{a} before {b}"
        for i, a in enumerate(arms)
        for b in arms[i + 1 :]
        if ranks.ranks[b] - ranks.ranks[a] >= ranks.critical
    ]
    shown = joined(apart) if apart else "none"
    yield f"Pairs further apart than Nemenyi's critical difference of {ranks.critical:.2f} ranks: {shown}."


def _count(mean: Mean) -> str:
    return f"{mean.mean or 0.0:.1f} epochs"
