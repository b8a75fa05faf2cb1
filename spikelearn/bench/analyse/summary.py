"""What a report shows of a comparison in numbers: tables of arms, tables along axes, and ranks.

Accuracies are percent and their differences points; everything is plain values that JSON can hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from spikelearn.bench.analyse.base_tables import base_table
from spikelearn.bench.analyse.ranks import Ranks, ranked
from spikelearn.bench.analyse.results import Missing, Results
from spikelearn.bench.analyse.summary_tables import Axis, AxisCell, BaseTable
from spikelearn.bench.analyse.terms import Terms
from spikelearn.tasks import ACCURACY, Measure


@dataclass(frozen=True)
class Summary:
    """Everything a report shows in numbers.

    Args:
        threshold, level: smallest difference that counts, points; level of the intervals.
        measure: by what arms are compared; ``threshold`` of one that is no share is in hundredths of the reference's
            mean.
        tables: one for every data set and network, of the base point.
        axes: one for every axis, data set and network; their means and losses, as those of measures other than
            accuracy, have no bootstrap interval.
        ranks: of the arms over the data sets, the mean over networks where there are several.
        missing: trials without results.
        left_out: arms that were not run, with the reason.
        notes: what could not be read.
    """

    title: str
    question: str
    command: str
    reference: str
    threshold: float
    level: float
    tables: tuple[BaseTable, ...]
    axes: tuple[Axis, ...]
    ranks: Ranks
    missing: tuple[Missing, ...]
    left_out: tuple[Mapping[str, str], ...]
    notes: tuple[str, ...]
    measure: Measure = ACCURACY

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "measure": self.measure.name}


class _Where(NamedTuple):
    """A data set, a network, and a value of an axis, met in training or after; None: the base point."""

    data: str
    net: str
    axis: str | None
    value: str | None
    when: str


#: {where: {arm: {seed: score}}}
Scores = dict[_Where, dict[str, dict[int, float]]]


def summarise(
    results: Results, *, threshold: float = 0.3, level: float = 0.95, targets: Sequence[float] = ()
) -> Summary:
    """All tables and ranks of a comparison.

    Args:
        results: what was read from its folder.
        threshold: smallest difference that counts, points of accuracy; of a measure that is no share, in hundredths of
            the reference's mean.
        level: of intervals and tests, 0 to 1.
        targets: scores, such as accuracies from 0 to 1, to which the way is measured besides shares of the reference's.

    Raises:
        ValueError: no trial has results.
    """
    if not results.records:
        raise ValueError(f"{results.folder} has no finished trial: run the comparison until one has ended")
    terms = Terms(results.reference, results.measure, threshold, level)
    scores = _scores(results)
    base = {(at.data, at.net): values for at, values in scores.items() if at.axis is None}
    tables = tuple(base_table(results, terms, data, net, values, targets) for (data, net), values in base.items())
    return Summary(
        title=results.index.title,
        question=results.index.question,
        command=results.index.command,
        reference=terms.reference,
        threshold=threshold,
        level=level,
        tables=tables,
        axes=_axes(results.arms, terms, scores, base),
        ranks=ranked(_by_data(tables, terms), level),
        missing=results.missing,
        left_out=tuple(left.model_dump() for left in results.index.left_out),
        notes=results.notes,
        measure=terms.measure,
    )


def _scores(results: Results) -> Scores:
    """All scores, in the unit in which the measure is shown."""
    points = results.points
    columns = (*_Where._fields, "arm", "seed", "score")
    scores: Scores = {}
    for data, net, axis, value, when, arm, seed, score in zip(*[points[n].tolist() for n in columns], strict=True):
        at = _Where(data, net, axis if isinstance(axis, str) else None, value if isinstance(value, str) else None, when)
        scores.setdefault(at, {}).setdefault(arm, {})[seed] = results.measure.scale * score
    return scores


def _axes(
    arms: Sequence[str], terms: Terms, scores: Scores, base: Mapping[tuple[str, str], Mapping[str, Mapping[int, float]]]
) -> tuple[Axis, ...]:
    """A table for every data set, network, axis, and whether it was met during training or after."""
    wanted = dict.fromkeys((at.data, at.net, at.axis, at.when) for at in scores if at.axis is not None)
    made = []
    for data, net, axis, when in wanted:
        here = {
            str(at.value): values
            for at, values in scores.items()
            if (at.data, at.net, at.axis, at.when) == (data, net, axis, when)
        }
        rows = _axis_rows(arms, terms, here, base.get((data, net), {}))
        made.append(Axis(str(axis), when, data, net, tuple(here), rows))
    return tuple(made)


def _axis_rows(
    arms: Sequence[str],
    terms: Terms,
    here: Mapping[str, Mapping[str, Mapping[int, float]]],
    base: Mapping[str, Mapping[int, float]],
) -> dict[str, tuple[AxisCell, ...]]:
    """{arm: its cells}, from {value: {arm: {seed: score}}} and the scores at the base point."""
    differences = {value: terms.differences(found, _mean_of(found, terms)) for value, found in here.items()}
    places = [(value, arm) for value, found in here.items() for arm in found]
    scores = terms.means([list(here[value][arm].values()) for value, arm in places], bootstrap=False)
    lost = [
        [terms.loss(score, base[arm][seed]) for seed, score in here[value][arm].items() if seed in base.get(arm, {})]
        for value, arm in places
    ]
    cells = {
        (value, arm): AxisCell(value, score, loss, differences[value].get(arm))
        for (value, arm), score, loss in zip(places, scores, terms.losses(lost), strict=True)
    }
    there = [arm for arm in arms if any(arm in found for found in here.values())]
    return {arm: tuple(cells[value, arm] for value in here if (value, arm) in cells) for arm in there}


def _mean_of(by_arm: Mapping[str, Mapping[int, float]], terms: Terms) -> float | None:
    """The reference's mean at a place."""
    values = list(by_arm.get(terms.reference, {}).values())
    return sum(values) / len(values) if values else None


def _by_data(tables: Sequence[BaseTable], terms: Terms) -> dict[str, dict[str, float]]:
    """Mean of every arm on every data set, more is better; of an arm only where it has all its networks."""
    means: dict[str, dict[str, float]] = {}
    for data in dict.fromkeys(table.data for table in tables):
        here = [{row.arm: terms.worth(row.score.mean) for row in table.rows} for table in tables if table.data == data]
        means[data] = {arm: sum(t[arm] for t in here) / len(here) for arm in here[0] if all(arm in t for t in here)}
    return means
