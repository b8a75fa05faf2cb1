"""The terms on which arms are compared: with which arm, by which measure, from which difference on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spikelearn.bench.analyse.ranges import ANY, POINTS, range_of
from spikelearn.bench.analyse.statistics import Difference, Mean, differences, means
from spikelearn.tasks import Measure


@dataclass(frozen=True)
class Terms:
    """How arms are compared. Scores are in the unit in which the measure is shown, percent for accuracies.

    Args:
        reference: the arm that others are compared with.
        measure: of the task.
        threshold: smallest difference that counts: points of a share, else hundredths of the reference's mean.
        level: of intervals and tests, 0 to 1.
    """

    reference: str
    measure: Measure
    threshold: float
    level: float

    def means(self, groups: Sequence[Sequence[float]], *, bootstrap: bool = True) -> list[Mean]:
        """The mean score of every group with its intervals."""
        within = range_of("score", self.measure).scaled(self.measure.scale)
        return means(groups, self.level, bootstrap=bootstrap, within=within)

    def losses(self, groups: Sequence[Sequence[float]]) -> list[Mean]:
        """The mean of every group of ``loss``, without bootstrap intervals."""
        return means(groups, self.level, bootstrap=False, within=POINTS if self.measure.share else ANY)

    def loss(self, score: float, base: float) -> float:
        """How much worse a score is than that at the base point: points of a share, or what an error has grown by."""
        return base - score if self.measure.higher else score - base

    def differences(
        self, values: Mapping[str, Mapping[int, float]], mean: float | None, reference: str | None = None
    ) -> dict[str, Difference]:
        """Every other arm less ``reference`` (None: that of the terms), paired by seed.

        Args:
            values: {arm: {seed: score}}.
            mean: the mean score of the terms' reference there.
        """
        share = self.measure.share
        return differences(
            values,
            reference or self.reference,
            threshold=self.threshold if share else max(self.threshold / 100 * abs(mean or 0.0), 1e-300),
            level=self.level,
            within=POINTS if share else ANY,
            higher=self.measure.higher,
        )

    def worth(self, mean: float | None) -> float:
        """A number that is higher for a better mean; of none it is the lowest."""
        if mean is None:
            return 0.0 if self.measure.higher else -math.inf
        return mean if self.measure.higher else -mean
