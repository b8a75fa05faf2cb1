"""Findings as a page or a text shows them: under a heading for every data set and network."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from spikelearn.bench.analyse.summary import Summary
from spikelearn.report.comparison.layout import Layout
from spikelearn.report.findings import Finding

#: Heading of what holds for the whole comparison, where others have a heading too.
WHOLE = "All together"


@dataclass(frozen=True)
class FindingGroup:
    """Sentences under one heading.

    Args:
        heading: data set and network; empty where there is only one.
        lines: the sentences.
        data: number of the data set; None: all.
    """

    heading: str
    lines: list[str]
    data: int | None = None


def grouped(
    findings: Sequence[Finding], summary: Summary, layout: Layout, kinds: Collection[str]
) -> list[FindingGroup]:
    """Findings of these kinds; one that holds for every data set and network is given once, at the end."""
    places = {table.where: layout.data_of(table.data) for table in summary.tables}
    chosen = sorted((one for one in findings if one.kind in kinds), key=lambda one: one.kind != "ceiling")
    if len(places) == 1:
        return [FindingGroup("", [one.text for one in chosen])] if chosen else []
    shared = _shared(chosen, len(places))
    groups = []
    for where, data in places.items():
        lines = [one.text for one in chosen if one.where == where and one.text not in shared]
        groups += [FindingGroup(where, lines, data)] if lines else []
    whole = dict.fromkeys(one.text for one in chosen if not one.where or one.text in shared)
    return [*groups, FindingGroup(WHOLE, list(whole))] if whole else groups


def _shared(findings: Collection[Finding], places: int) -> set[str]:
    """Sentences that hold at every place."""
    where: dict[str, set[str]] = {}
    for one in findings:
        where.setdefault(one.text, set()).add(one.where)
    return {text for text, names in where.items() if len(names) == places}
