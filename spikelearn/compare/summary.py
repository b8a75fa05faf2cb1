"""What a report shows of a comparison: tables of arms, tables along axes, ranks, and findings in words.

Accuracies are percent and their differences points; everything is plain values that JSON can hold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spikelearn.compare.curves import Reached, reached
from spikelearn.compare.findings import findings_of
from spikelearn.compare.measured import epochs_in, learning_curve, mean_known, number_in
from spikelearn.compare.ranks import Ranks, ranked
from spikelearn.compare.results import Missing, Results
from spikelearn.compare.shown import Axis, Cell, Cost, Row, Table
from spikelearn.compare.statistics import Difference, Mean, differences, means
from spikelearn.compare.words import Finding

#: Shares of the reference's accuracy to which the way is measured.
SHARES = (0.90, 0.95, 0.97, 0.98)

#: Measures of a row, as means over seeds.
MEASURED = (
    "plateau",
    "epochs_to_plateau",
    "alignment",
    "seconds_per_epoch",
    "seconds",
    "peak_bytes",
    "forward_acs",
    "forward_macs",
    "forward_dense",
    "learning_acs",
    "learning_macs",
    "learning_dense",
    "forward_pj",
    "learning_pj",
    "forward_with_memory_pj",
    "learning_with_memory_pj",
    "writes_share",
    "writes_per_epoch",
    "writes_total",
    "rate",
    "silent",
    "saturated",
    "parameters",
)

#: Settings in which trials differ by themselves.
NO_SETTING = ("seed", "data", "data_root", "device", "rule")


@dataclass(frozen=True)
class Summary:
    """Everything a report shows in words and numbers.

    Args:
        threshold, level: smallest difference that counts, points; level of the intervals.
        tables: one for every data set and network, of the base point.
        axes: one for every axis, data set and network; their means and losses, as those of measures other than
            accuracy, have no bootstrap interval.
        ranks: of the arms over the data sets, the mean over networks where there are several.
        findings: in sentences.
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
    tables: tuple[Table, ...]
    axes: tuple[Axis, ...]
    ranks: Ranks
    findings: tuple[Finding, ...]
    missing: tuple[Missing, ...]
    left_out: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def summarise(
    results: Results, *, threshold: float = 0.3, level: float = 0.95, targets: Sequence[float] = ()
) -> Summary:
    """All tables and findings of a comparison.

    Args:
        results: what was read from its folder.
        threshold: smallest difference that counts, points of accuracy.
        level: of intervals and tests, 0 to 1.
        targets: accuracies, 0 to 1, to which the way is measured besides shares of the reference's accuracy.

    Raises:
        ValueError: no trial has results.
    """
    if not results.records:
        raise ValueError(f"{results.folder} has no finished trial: run the comparison until one has ended")
    points = results.points
    groups: dict[tuple[Any, ...], dict[str, dict[int, float]]] = {}
    columns = ("data", "net", "axis", "value", "when", "arm", "seed", "accuracy")
    for *place, arm, seed, accuracy in zip(*[points[name].tolist() for name in columns], strict=True):
        key = tuple(item if isinstance(item, str) else None for item in place)
        groups.setdefault(key, {}).setdefault(arm, {})[seed] = 100 * accuracy
    base = {key[:2]: values for key, values in groups.items() if key[2] is None}
    tables = tuple(
        _table(results, points, data, net, values, threshold, level, targets) for (data, net), values in base.items()
    )
    axes = _axes(results, groups, base, threshold, level)
    ranks = ranked(_by_data(tables), level)
    return Summary(
        title=str(results.index["title"]),
        question=str(results.index["question"]),
        command=str(results.index["command"]),
        reference=results.reference,
        threshold=threshold,
        level=level,
        tables=tables,
        axes=axes,
        ranks=ranks,
        findings=findings_of(results, tables, axes, ranks, threshold, level),
        missing=results.missing,
        left_out=tuple(results.index["left_out"]),
        notes=results.notes,
    )


def _table(
    results: Results,
    points: Any,
    data: str,
    net: str,
    values: Mapping[str, Mapping[int, float]],
    threshold: float,
    level: float,
    targets: Sequence[float],
) -> Table:
    """Rows of the base point on one data set and network, the best mean first."""
    here = points[(points["data"] == data) & (points["net"] == net) & points["axis"].isna()]
    of_arm = {arm: rows.to_dict("records") for arm, rows in here.groupby("arm", sort=False)}
    compared = differences(values, results.reference, threshold=threshold, level=level)
    averages = dict(zip(values, means([list(found.values()) for found in values.values()], level), strict=True))
    last = averages[results.reference].mean if results.reference in averages else None
    wanted = {f"{100 * share:g} % of {results.reference}": share * last / 100 for share in SHARES if last is not None}
    wanted |= {f"{100 * target:g} %": target for target in targets}
    marks = {row["seed"]: row for row in of_arm.get(results.reference, ())}
    rows = [_row(results, arm, of_arm[arm], averages[arm], compared.get(arm), wanted, marks, level) for arm in values]
    rows.sort(key=lambda row: -(row.accuracy.mean or 0.0))
    controls = [arm for arm in values if of_arm[arm][0]["rule"] == "readout-only"]
    control = results.reference if results.reference in controls else controls[0] if controls else None
    over = differences(values, control, threshold=threshold, level=level) if control else {}
    classes = net.rpartition("-")[2]
    return Table(
        data=data,
        net=net,
        rows=tuple(rows),
        targets=wanted,
        chance=100 / int(classes) if classes.isdecimal() and int(classes) else None,
        control=control,
        over_control=over,
    )


def _row(
    results: Results,
    arm: str,
    found: Sequence[Mapping[str, Any]],
    accuracy: Mean,
    difference: Difference | None,
    wanted: Mapping[str, float],
    marks: Mapping[int, Mapping[str, Any]],
    level: float,
) -> Row:
    records = [results.records[row["trial"]] for row in found]
    first = records[0]
    measured = means([_finite([row[name] for row in found]) for name in MEASURED], level, bootstrap=False)
    return Row(
        arm=arm,
        rule=str(found[0]["rule"]),
        seeds=tuple(sorted(row["seed"] for row in found)),
        accuracy=accuracy,
        unique_accuracy=_percent([row["unique_accuracy"] for row in found]),
        difference=difference,
        measures=dict(zip(MEASURED, measured, strict=True)),
        no_plateau={row["seed"]: row["no_plateau"] for row in found if isinstance(row["no_plateau"], str)},
        curve_of=found[0]["curve_of"] if isinstance(found[0]["curve_of"], str) else None,
        costs={name: _cost(records, target) for name, target in wanted.items()},
        optimizer=str(first.get("optimizer") or ""),
        schedule=str(first.get("schedule") or ""),
        differs=tuple(str(name) for name in first.get("differs") or ()),
        settings={name: value for name, value in (first.get("settings") or {}).items() if name not in NO_SETTING},
        tuning=first.get("tuning"),
        same_weights=_same("weights_fingerprint", found, marks),
        same_order=_same("order_fingerprint", found, marks),
        test_samples=number_in(first, "test_samples") if math.isfinite(number_in(first, "test_samples")) else None,
        reasons={str(k): str(v) for record in records for k, v in (record.get("reasons") or {}).items()},
        machines=tuple(sorted({_machine(record) for record in records})),
        resumed=sum(bool(record.get("resumed")) for record in records),
    )


def _cost(records: Sequence[Mapping[str, Any]], target: float) -> Cost:
    """What it took to reach ``target``, over the seeds that reached it."""
    ways: list[Reached | None] = []
    for record in records:
        _, curve = learning_curve(record)
        parts = [
            [value if math.isfinite(value := number_in(entry, name)) else None for entry in epochs_in(record)]
            for name in ("seconds", "samples")
        ]
        ways.append(reached(curve, target, *parts))
    there = [way for way in ways if way is not None]
    return Cost(
        target=target,
        seeds=len(ways),
        reached=len(there),
        epochs=_known([way.epochs for way in there]),
        seconds=_known([way.seconds for way in there]),
        samples=_known([way.samples for way in there]),
    )


def _axes(
    results: Results,
    groups: Mapping[tuple[Any, ...], Mapping[str, Mapping[int, float]]],
    base: Mapping[tuple[Any, ...], Mapping[str, Mapping[int, float]]],
    threshold: float,
    level: float,
) -> tuple[Axis, ...]:
    """A table for every data set, network, axis, and whether it was met during training or after."""
    wanted = dict.fromkeys((data, net, axis, when) for data, net, axis, _, when in groups if axis is not None)
    made = []
    for data, net, axis, when in wanted:
        here = {key[3]: values for key, values in groups.items() if (*key[:3], key[4]) == (data, net, axis, when)}
        whole = base.get((data, net), {})
        compared = {
            v: differences(found, results.reference, threshold=threshold, level=level) for v, found in here.items()
        }
        places = [(value, arm) for value, found in here.items() for arm in found]
        averages = means([list(here[value][arm].values()) for value, arm in places], level, bootstrap=False)
        lost = [_losses(whole.get(arm, {}), here[value][arm]) for value, arm in places]
        losses = means(lost, level, bootstrap=False)
        cells = {
            place: Cell(place[0], average, loss, compared[place[0]].get(place[1]))
            for place, average, loss in zip(places, averages, losses, strict=True)
        }
        arms = tuple(arm for arm in results.arms if any(arm in found for found in here.values()))
        rows = {arm: tuple(cells[value, arm] for value in here if (value, arm) in cells) for arm in arms}
        made.append(Axis(str(axis), str(when), data, net, tuple(here), rows))
    return tuple(made)


def _losses(whole: Mapping[int, float], here: Mapping[int, float]) -> list[float]:
    """Points lost against the base point, seed by seed."""
    return [whole[seed] - here[seed] for seed in here if seed in whole]


def _by_data(tables: Sequence[Table]) -> dict[str, dict[str, float]]:
    """Mean accuracy of every arm on every data set; of an arm only where it has all networks of that data set."""
    found: dict[str, dict[str, float]] = {}
    for data in dict.fromkeys(table.data for table in tables):
        here = [{row.arm: row.accuracy.mean or 0.0 for row in table.rows} for table in tables if table.data == data]
        found[data] = {arm: sum(t[arm] for t in here) / len(here) for arm in here[0] if all(arm in t for t in here)}
    return found


def _same(name: str, found: Sequence[Mapping[str, Any]], marks: Mapping[int, Mapping[str, Any]]) -> bool | None:
    """Whether fingerprints are those of the reference, seed by seed; None where there is nothing to compare."""
    pairs = [(row[name], marks[row["seed"]][name]) for row in found if row["seed"] in marks]
    known = [(own, other) for own, other in pairs if isinstance(own, str) and isinstance(other, str)]
    return all(own == other for own, other in known) if known else None


def _machine(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in (record.get("machine") or {}).items())


def _percent(values: Sequence[float]) -> float | None:
    found = mean_known(list(values))
    return 100 * found if math.isfinite(found) else None


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _known(values: Sequence[float | None]) -> float | None:
    """The mean, where every value is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
