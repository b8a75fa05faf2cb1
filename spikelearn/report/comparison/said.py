"""Findings as a page or a text shows them: under a heading for every data set and network."""

from collections.abc import Collection
from dataclasses import dataclass

from spikelearn.compare.summary import Summary
from spikelearn.compare.words import Finding
from spikelearn.report.comparison.scheme import Scheme

#: Kinds of findings by where they stand.
VERDICTS = (
    "ceiling",
    "best",
    "better",
    "worse",
    "equivalent",
    "no difference shown",
    "not compared",
    "control",
    "ranks",
)
EFFICIENCY = ("efficiency", "plateau")
AXES = ("axis", "robustness")
WARNINGS = ("warning",)

#: Heading of what holds for the whole comparison, where others have a heading too.
WHOLE = "All together"


@dataclass(frozen=True)
class Group:
    """Sentences under one heading.

    Args:
        heading: data set and network; empty where there is only one.
        lines: the sentences.
        data: number of the data set; None: all.
    """

    heading: str
    lines: list[str]
    data: int | None = None


def said(summary: Summary, scheme: Scheme, kinds: Collection[str]) -> list[Group]:
    """Findings of these kinds; one that holds for every data set and network is said once, at the end."""
    places = {table.where: scheme.data_of(table.data) for table in summary.tables}
    found = sorted((one for one in summary.findings if one.kind in kinds), key=lambda one: one.kind != "ceiling")
    if len(places) == 1:
        return [Group("", [one.text for one in found])] if found else []
    shared = _shared(found, len(places))
    groups = []
    for where, data in places.items():
        lines = [one.text for one in found if one.where == where and one.text not in shared]
        groups += [Group(where, lines, data)] if lines else []
    whole = dict.fromkeys(one.text for one in found if not one.where or one.text in shared)
    return [*groups, Group(WHOLE, list(whole))] if whole else groups


def _shared(found: Collection[Finding], places: int) -> set[str]:
    """Sentences that are said of every place."""
    where: dict[str, set[str]] = {}
    for one in found:
        where.setdefault(one.text, set()).add(one.where)
    return {text for text, names in where.items() if len(names) == places}
