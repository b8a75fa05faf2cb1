"""What a reader must know before believing the findings, in sentences."""

from collections.abc import Iterator, Sequence

from spikelearn.bench.analyse.other_networks import other_networks
from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.summary_tables import BaseTable
from spikelearn.report.findings.sentences import Finding, all_or, joined
from spikelearn.tasks import ACCURACY, Measure

#: Seeds that the protocol asks for, and distance of the control, points, within which hidden layers hardly matter.
SEEDS, NEAR = 5, 1.0


def caveats_of(results: Results, tables: Sequence[BaseTable]) -> tuple[Finding, ...]:
    """All warnings, those of single tables first."""
    findings = []
    for table in tables:
        findings += [Finding("ceiling", text, table.where) for text in _ceiling(table, results)]
        told = (
            *_seeds(table),
            *_uncontrolled(table),
            *_level(table),
            *_conditions(table, results),
            *_curves(table, results.measure),
        )
        findings += [Finding("warning", text, table.where) for text in told]
    return (*findings, *(Finding("warning", text) for text in _whole(results, tables)))


def _seeds(table: BaseTable) -> Iterator[str]:
    by: dict[int, list[str]] = {}
    for row in table.rows:
        if len(row.seeds) < SEEDS:
            by.setdefault(len(row.seeds), []).append(row.arm)
    if by:
        told = [f"{all_or(arms, len(table.rows), 'arm')} with {count}" for count, arms in by.items()]
        yield f"Fewer than {SEEDS} seeds: {'; '.join(told)}."


def _uncontrolled(table: BaseTable) -> Iterator[str]:
    if table.control is None:
        yield "No arm that trains the readout alone has results: nothing tells how much the hidden layers have learned."


def _ceiling(table: BaseTable, results: Results) -> Iterator[str]:
    """Whether the readout alone does so well that hidden layers hardly matter."""
    control, reference = table.row(table.control or ""), table.row(results.reference)
    if control is None or reference is None or control is reference:
        return
    measure, best, plain = results.measure, reference.score.mean or 0.0, control.score.mean or 0.0
    gap = best - plain if measure.higher else plain - best
    if not measure.share:  # in hundredths of the reference's
        gap *= 100 / (abs(best) or 1.0)
    if gap <= NEAR:
        within = f"within {NEAR:g} point of" if measure.share else f"within {NEAR:g} % of"
        near = within if gap >= -NEAR else "above" if measure.higher else "below"
        yield (
            f"{table.control}, which trains no hidden layer, is {near} {results.reference} "
            f"({measure.told(plain).removesuffix(' %')} and {measure.told(best)}): "
            "nothing can be concluded about hidden layers."
        )


def _level(table: BaseTable) -> Iterator[str]:
    low = [row.arm for row in table.rows if table.is_at_chance(row)]
    if low:
        yield f"At the level of guessing ({table.chance:.3g} %): {joined(low)}."


def _conditions(table: BaseTable, results: Results) -> Iterator[str]:
    other = [f"{row.arm} in {', '.join(row.differs).replace('_', ' ')}" for row in table.rows if row.differs]
    if other:
        yield f"Settings differ from the common conditions: {joined(other)}."
    for one in other_networks(table, results.reference):
        beside = f"; {one.companion} trains that network by {one.rule}" if one.companion else ""
        told = ", ".join(one.own).replace("_", " ")
        yield (
            f"{one.arm} runs on another network than {results.reference} ({told}), so a difference may be one of the "
            f"network, not of the rule{beside}."
        )
    unsearched = [row.arm for row in table.rows if not row.tuning]
    if len(unsearched) == len(table.rows):
        yield "No arm's settings were tuned."
    elif unsearched:
        tuned = joined([row.arm for row in table.rows if row.tuning])
        yield f"Settings were tuned for {tuned}, but not for {joined(unsearched)}."
    for name, what in (("same_weights", "with the initial weights"), ("same_order", "on the order of samples")):
        without = [row.arm for row in table.rows if getattr(row, name) is False]
        if without:
            yield f"Not trained {what} of {results.reference}: {joined(without)}."


def _curves(table: BaseTable, measure: Measure) -> Iterator[str]:
    for state in ("still rising", "still falling"):
        by: dict[str, list[str]] = {}
        for row in table.rows:
            seeds, moving = len(row.seeds), sum(why == state for why in row.no_plateau.values())
            if moving:
                share = "in every seed" if moving == seeds else f"in {moving} of {seeds} seeds"
                by.setdefault(share, []).append(row.arm)
        if by:
            told = [f"{all_or(arms, len(table.rows), 'arm')} {share}" for share, arms in by.items()]
            what = measure.words.capitalize()
            yield f"{what} is {state} at the last epoch, so the order holds for that budget: {'; '.join(told)}."
    held_out = [row.arm for row in table.rows if row.curve_of == "validation"]
    if held_out:
        mark = "an accuracy" if measure == ACCURACY else f"a {measure.words}"
        yield f"Plateaus and epochs to {mark} are those of validation samples: {joined(held_out)}."


def _whole(results: Results, tables: Sequence[BaseTable]) -> Iterator[str]:
    if results.arms and results.reference not in {row.arm for table in tables for row in table.rows}:
        yield f"The reference {results.reference} has no results: nothing is compared with it."
    for left in results.index.left_out:
        yield f"{left.arm} was left out: {left.reason.rstrip('.')}."
    yield from (f"{str(note).rstrip('.')}." for note in results.index.notes.values())
    for state in ("failed", "unfinished", "damaged"):
        lost = [item for item in results.missing if item.state == state]
        arms = dict.fromkeys(item.arm for item in lost)
        told = [f"{arm} {sum(item.arm == arm for item in lost)}" for arm in arms]
        if told:
            why = "" if state == "unfinished" else f" (the first: {lost[0].reason.rstrip('.')})"
            yield f"Trials without results, {state}: {joined(told)}{why}."
    rows = [row for table in tables for row in table.rows]
    if len({machine for row in rows for machine in row.machines}) > 1:
        yield "Trials ran on more than one kind of machine: their times and memory are not compared in words."
    if sum(row.resumed for row in rows):
        yield f"Trials of the ranking continued after an interruption: {sum(row.resumed for row in rows)}."
    yield from (f"{note.rstrip('.')}." for note in results.notes)
