"""The sections of the report, in the order of the page; each is one file and one line here."""

from collections.abc import Callable

from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Section
from spikelearn.report.comparison.sections import (
    axes,
    blocks,
    claim,
    classes,
    conditions,
    cost,
    curves,
    failed,
    ranking,
    reproduce,
    seeds,
    sources,
    statistics,
    verdict,
)

#: None of a section: the comparison has nothing for it.
SECTIONS: tuple[Callable[[Material], Section | None], ...] = (
    claim.section,
    verdict.section,
    ranking.section,
    seeds.section,
    cost.section,
    curves.section,
    classes.section,
    axes.section,
    blocks.section,
    statistics.section,
    conditions.section,
    failed.section,
    reproduce.section,
    sources.section,
)
