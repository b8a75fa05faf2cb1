"""The tables of the base point: a row for every arm, with its score, its costs and its conditions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spikelearn.bench.analyse.columns import mean_known
from spikelearn.bench.analyse.curves import reached
from spikelearn.bench.analyse.ranges import PERCENT, range_of
from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.statistics import Difference, Mean, means, of_samples
from spikelearn.bench.analyse.summary_tables import ArmRow, BaseTable, Cost, Ordinary
from spikelearn.bench.analyse.terms import Terms
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.plasticity import RULES
from spikelearn.runs import Settings
from spikelearn.runs.groups import Group, in_groups
from spikelearn.tasks import ACCURACY

#: Shares of the reference's score to which the way is measured.
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
    "in_memory_forward_seconds",
    "in_memory_backward_seconds",
    "in_memory_joules",
    "writes_share",
    "writes_per_epoch",
    "writes_total",
    "rate",
    "silent",
    "saturated",
    "parameters",
)

#: Settings in which trials differ by themselves.
NO_SETTING = (*in_groups(Settings.model_fields, Group.PLACE), "data", "rule", "seed")


def base_table(
    results: Results,
    terms: Terms,
    data: str,
    net: str,
    values: Mapping[str, Mapping[int, float]],
    targets: Sequence[float],
) -> BaseTable:
    """Rows of the base point on one data set and network, the best mean first.

    Args:
        values: {arm: {seed: score}}.
        targets: scores to which the way is measured, besides shares of the reference's.
    """
    points = results.points
    here = points[(points["data"] == data) & (points["net"] == net) & points["axis"].isna()]
    of_arm = {str(arm): rows.to_dict("records") for arm, rows in here.groupby("arm", sort=False)}
    scores = dict(zip(values, terms.means([list(found.values()) for found in values.values()]), strict=True))
    last = scores[terms.reference].mean if terms.reference in scores else None
    differences = terms.differences(values, last)
    wanted = _wanted(terms, last, targets)
    marks = {row["seed"]: row for row in of_arm.get(terms.reference, ())}
    rows = [_row(results, terms, of_arm[arm], scores[arm], differences.get(arm), wanted, marks) for arm in values]
    rows.sort(key=lambda row: -terms.worth(row.score.mean))
    controls = [arm for arm in values if is_control(of_arm[arm][0]["rule"])]
    control = terms.reference if terms.reference in controls else controls[0] if controls else None
    classes = net.rpartition("-")[2]
    known = classes.isdecimal() and int(classes) and terms.measure == ACCURACY
    return BaseTable(
        data=data,
        net=net,
        rows=tuple(rows),
        targets=wanted,
        chance=100 / int(classes) if known else None,
        control=control,
        over_control=terms.differences(values, last, control) if control else {},
        ordinary=_ordinary(results, data, net, terms.level),
    )


def is_control(rule: str) -> bool:
    """Whether ``rule`` is declared a control; one that is not registered here, as of an imported file, is none."""
    return rule in RULES and RULES.get(rule).control


def _wanted(terms: Terms, last: float | None, targets: Sequence[float]) -> dict[str, float]:
    """{what is to be reached: the score}; ``last``: the reference's mean."""
    measure = terms.measure
    # An error of so many hundredths of the reference's is its counterpart.
    shares = [share if measure.higher else 2.0 - share for share in SHARES]
    named = {
        f"{100 * share:g} % of {terms.reference}": share * last / measure.scale for share in shares if last is not None
    }
    return named | {measure.named(target): target for target in targets}


def _row(
    results: Results,
    terms: Terms,
    group: Sequence[Mapping[str, Any]],
    score: Mean,
    difference: Difference | None,
    wanted: Mapping[str, float],
    marks: Mapping[int, Mapping[str, Any]],
) -> ArmRow:
    """The row of an arm; ``group`` are its rows of ``results.points``, ``marks`` those of the reference by seed."""
    records = [results.records[row["trial"]] for row in group]
    first = records[0]
    samples = int(first.test_samples) if first.test_samples is not None and first.test_samples >= 1 else None
    return ArmRow(
        arm=str(group[0]["arm"]),
        rule=str(group[0]["rule"]),
        seeds=tuple(sorted(row["seed"] for row in group)),
        score=score,
        unique_accuracy=_percent([row["unique_accuracy"] for row in group]),
        difference=difference,
        measures={name: _mean(name, group, terms) for name in MEASURED},
        no_plateau={row["seed"]: row["no_plateau"] for row in group if isinstance(row["no_plateau"], str)},
        curve_of=group[0]["curve_of"] if isinstance(group[0]["curve_of"], str) else None,
        costs={name: _cost(records, target, terms.measure.higher) for name, target in wanted.items()},
        optimizer=first.optimizer or "",
        schedule=first.schedule or "",
        differs=tuple(first.differs),
        settings={name: value for name, value in first.settings.items() if name not in NO_SETTING},
        tuning=first.tuning or None,
        same_weights=_same("weights_fingerprint", group, marks),
        same_order=_same("order_fingerprint", group, marks),
        test_samples=samples,
        # Steps of one sequence are no samples of their own, and an error has another spread.
        test_interval=_of_samples(score, samples, terms.level) if first.task is None else None,
        reasons={str(name): str(reason) for record in records for name, reason in record.reasons.items()},
        machines=tuple(sorted({_machine(record) for record in records})),
        resumed=sum(bool(record.resumed) for record in records),
    )


def _mean(name: str, group: Sequence[Mapping[str, Any]], terms: Terms) -> Mean:
    known = [row[name] for row in group if math.isfinite(row[name])]
    return means([known], terms.level, bootstrap=False, within=range_of(name, terms.measure))[0]


def _cost(records: Sequence[TrialRecord], target: float, higher: bool) -> Cost:
    """What it took to reach ``target``, over the seeds that reached it."""
    ways = []
    for record in records:
        parts = [[getattr(entry, name) for entry in record.epochs] for name in ("seconds", "samples")]
        ways.append(reached(record.learning_curve()[1], target, *parts, higher=higher))
    there = [way for way in ways if way is not None]
    return Cost(
        target=target,
        seeds=len(ways),
        reached=len(there),
        epochs=_known([way.epochs for way in there]),
        seconds=_known([way.seconds for way in there]),
        samples=_known([way.samples for way in there]),
    )


def _ordinary(results: Results, data: str, net: str, level: float) -> Ordinary | None:
    """The ordinary networks on one data set, of one string."""
    records = [record for record in results.ordinary if (record.data, record.net) == (data, net)]
    if not records:
        return None
    (accuracy,) = means([[100 * record.accuracy for record in records]], level, bootstrap=False, within=PERCENT)
    first = records[0]
    names = ("epochs", "batch", "lr", "searched", "train_samples", "parameters")
    conditions = {name: getattr(first, name) for name in names}
    return Ordinary(accuracy, first.test_samples, _of_samples(accuracy, first.test_samples, level), conditions)


def _of_samples(accuracy: Mean, samples: int | None, level: float) -> tuple[float, float] | None:
    """What the number of test samples leaves open, percent."""
    if accuracy.mean is None or samples is None:
        return None
    low, high = of_samples(accuracy.mean / 100, samples, level)
    return 100 * low, 100 * high


def _same(name: str, group: Sequence[Mapping[str, Any]], marks: Mapping[int, Mapping[str, Any]]) -> bool | None:
    """Whether fingerprints are those of the reference, seed by seed; None where there is nothing to compare."""
    pairs = [(row[name], marks[row["seed"]][name]) for row in group if row["seed"] in marks]
    known = [(own, other) for own, other in pairs if isinstance(own, str) and isinstance(other, str)]
    return all(own == other for own, other in known) if known else None


def _machine(record: TrialRecord) -> str:
    return ", ".join(f"{name}: {value}" for name, value in record.machine.items())


def _percent(values: Sequence[float]) -> float | None:
    mean = mean_known(values)
    return 100 * mean if math.isfinite(mean) else None


def _known(values: Sequence[float | None]) -> float | None:
    """The mean, where every value is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
