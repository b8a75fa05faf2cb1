"""Tables of a summary, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikelearn.bench.analyse.statistics import Difference, Mean


@dataclass(frozen=True)
class Cost:
    """What it took until one epoch's score was at least as good as ``target``; means over the seeds that came there.

    Args:
        target: a score as files hold it, such as an accuracy from 0 to 1.
        seeds, reached: how many there are, and how many came there; with ``reached`` 0 the rest is None: never.
        epochs, seconds, samples: epochs, time of training, samples presented.
    """

    target: float
    seeds: int
    reached: int
    epochs: float | None
    seconds: float | None
    samples: float | None


@dataclass(frozen=True)
class ArmRow:
    """One arm at the base point.

    Args:
        seeds: that have results.
        score: in the unit in which the measure is shown, percent for accuracies; ``unique_accuracy``, percent, counts
            ties as errors.
        difference: to the reference, in that unit; None for the reference itself.
        measures: means over the seeds in which each was measured, in the units of ``results.points``.
        no_plateau: {seed: why it has no plateau}.
        curve_of: whether plateau and costs are of test or of validation samples.
        costs: {what is to be reached: what it took}.
        differs: settings in which the arm differs from the common conditions.
        settings: of its first seed.
        tuning: the search that found its settings; None: none.
        same_weights, same_order: whether training began with the weights, and showed the samples in the order, of the
            reference's trial of the same seed; None: not known.
        test_samples: how many there are; None: not known.
        test_interval: what that many leave open of one accuracy (Wilson), percent; more seeds do not narrow it.
        reasons: {what was not measured: why}.
        machines: what the trials ran on.
        resumed: trials that were continued after an interruption.
    """

    arm: str
    rule: str
    seeds: tuple[int, ...]
    score: Mean
    unique_accuracy: float | None
    difference: Difference | None
    measures: Mapping[str, Mean]
    no_plateau: Mapping[int, str]
    curve_of: str | None
    costs: Mapping[str, Cost]
    optimizer: str
    schedule: str
    differs: tuple[str, ...]
    settings: Mapping[str, Any]
    tuning: Mapping[str, Any] | None
    same_weights: bool | None
    same_order: bool | None
    test_samples: int | None
    test_interval: tuple[float, float] | None
    reasons: Mapping[str, str]
    machines: tuple[str, ...]
    resumed: int


@dataclass(frozen=True)
class Ordinary:
    """The ordinary network beside the arms; nothing is tested against it.

    Args:
        accuracy: percent, over its seeds.
        test_samples, test_interval: as of a row.
        conditions: {what it trained under: value}, of its first seed.
    """

    accuracy: Mean
    test_samples: int
    test_interval: tuple[float, float] | None
    conditions: Mapping[str, Any]


@dataclass(frozen=True)
class BaseTable:
    """All arms at the base point of one data set and network, the best mean first.

    Args:
        targets: {what is to be reached: the score, as files hold it}.
        chance: accuracy of guessing among equally frequent classes, percent; None: not known.
        control: the arm that trains the readout alone; None: there is none.
        over_control: {arm: its difference to the control}.
        ordinary: the network without spikes; None: none was trained.
    """

    data: str
    net: str
    rows: tuple[ArmRow, ...]
    targets: Mapping[str, float]
    chance: float | None
    control: str | None
    over_control: Mapping[str, Difference]
    ordinary: Ordinary | None = None

    @property
    def where(self) -> str:
        """Data set and network in words."""
        return f"{self.data}, {self.net}"

    def row(self, arm: str) -> ArmRow | None:
        """The row of ``arm``; None where it has no results."""
        return next((row for row in self.rows if row.arm == arm), None)

    def is_at_chance(self, row: ArmRow) -> bool:
        """Whether an arm's mean lies within three standard deviations of guessing, for one test of all samples."""
        if self.chance is None or row.score.mean is None or not row.test_samples:
            return False
        share = self.chance / 100
        return row.score.mean <= self.chance + 300 * (share * (1 - share) / row.test_samples) ** 0.5


@dataclass(frozen=True)
class AxisCell:
    """One arm at one value of an axis.

    Args:
        value: as text.
        score: as of a row.
        lost: what is lost against the base point, paired by seed.
        difference: to the reference at the same value.
    """

    value: str
    score: Mean
    lost: Mean
    difference: Difference | None


@dataclass(frozen=True)
class Axis:
    """All arms along one axis.

    Args:
        when: "during": trained under the value; "after": the trained network was changed before the test.
        values: as text, in the order of the plan.
        rows: {arm: its cells, those without results left out}.
    """

    axis: str
    when: str
    data: str
    net: str
    values: tuple[str, ...]
    rows: Mapping[str, tuple[AxisCell, ...]]
