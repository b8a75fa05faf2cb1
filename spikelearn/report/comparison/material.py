"""What every section of the report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.summary import Summary
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.findings import Finding, findings_of


@dataclass(frozen=True)
class Material:
    """A comparison as it was read, its numbers, and how arms and data sets are shown.

    Args:
        results: what was read from its folder.
        summary: tables and ranks.
        layout: numbers and styles of arms, data sets and facets.
    """

    results: Results
    summary: Summary
    layout: Layout

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What may be said, in sentences."""
        return findings_of(self.results, self.summary)

    @cached_property
    def first_records(self) -> tuple[tuple[Mapping[str, Any], TrialRecord], ...]:
        """(place, record) of the first finished seed of every arm, data set and network, at the base point."""
        first: dict[tuple[str, str, str], tuple[Mapping[str, Any], TrialRecord]] = {}
        for place in self.results.places:
            key = (place["data"], place["net"], place["arm"])
            if place["axis"] is None and place["trial"] in self.results.records and key not in first:
                first[key] = (place, self.results.records[place["trial"]])
        return tuple(first.values())

    def reasons(self, rows: Any) -> dict[str, str]:
        """{part: why it is missing} in the records of these rows of the results."""
        reasons: dict[str, str] = {}
        for trial in rows["trial"]:
            for part, reason in self.results.records[trial].reasons.items():
                reasons.setdefault(part, " ".join(str(reason).split()))
        return reasons
