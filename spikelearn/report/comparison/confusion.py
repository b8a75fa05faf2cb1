"""The confusion of classes: counts of true classes by what they were taken for."""

from collections.abc import Sequence
from dataclasses import dataclass

from spikelearn.report.comparison.values import percent

#: [classes][classes], rows true, columns taken for.
Counts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Matrix:
    """The confusion of one arm.

    Args:
        arm, data: their numbers.
        name: of the data set and network; empty where there is only one.
        seeds: how many are summed up.
        counts: [classes][classes], rows true, columns taken for.
    """

    arm: int
    data: int
    name: str
    seeds: int
    counts: Counts

    @property
    def worst(self) -> int:
        """The largest count of a confusion, at least 1."""
        return max([1, *(count for c, row in enumerate(self.counts) for k, count in enumerate(row) if c != k)])


def weakest_of(counts: Counts) -> str:
    """The class with the smallest share of its samples taken for it."""
    shares = {at: row[at] / sum(row) for at, row in enumerate(counts) if sum(row)}
    if not shares:
        return "none"
    at = min(shares, key=lambda name: shares[name])
    return f"{at}: {percent(shares[at], 1)} %"
