"""The report of a comparison as plain values: a head, and a list of sections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from spikelearn.bench.analyse.results import Results
from spikelearn.bench.analyse.summary import Summary
from spikelearn.report.comparison.arm_style import ArmStyle
from spikelearn.report.comparison.chart import Chart
from spikelearn.report.comparison.layout import layout_of
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Section
from spikelearn.report.comparison.sections import SECTIONS
from spikelearn.report.comparison.table import Table
from spikelearn.report.comparison.values import counted


@dataclass(frozen=True)
class Page:
    """Everything that the report says.

    Args:
        about: what was compared, in numbers.
        arms, families, data: what filters choose from.
        sections: in the order of the page.
        version: of this package, which wrote it.
    """

    title: str
    question: str
    about: str
    arms: Sequence[ArmStyle]
    families: Mapping[str, Sequence[ArmStyle]]
    data: Sequence[str]
    sections: Sequence[Section]
    version: str

    @property
    def charts(self) -> list[Chart]:
        """All charts, in the order of the page."""
        return [chart for section in self.sections for chart in section.charts]

    @property
    def tables(self) -> list[Table]:
        """All tables, in the order of a text."""
        order = [section.key for section in self.sections]
        for section in self.sections:
            after = next((key for key in section.tables_after if key in order), None)
            if after is not None:
                order.remove(section.key)
                order.insert(order.index(after) + 1, section.key)
        by_key = {section.key: section for section in self.sections}
        return [table for key in order for table in by_key[key].tables]


def page_of(results: Results, summary: Summary) -> Page:
    """The report of a comparison."""
    material = Material(results, summary, layout_of(results))
    made = (section(material) for section in SECTIONS)
    return Page(
        title=results.index.title,
        question=results.index.question,
        about=_about(material),
        arms=material.layout.arms,
        families=material.layout.families,
        data=material.layout.data,
        sections=[section for section in made if section is not None],
        version=version("spikelearn"),
    )


def _about(material: Material) -> str:
    results, layout = material.results, material.layout
    seeds = {place["seed"] for place in results.places}
    parts = [
        counted(len(layout.arms), "arm"),
        f"{counted(len(layout.data), 'data set')} ({', '.join(_sized(material, name) for name in layout.data)})",
        counted(len(seeds), "seed"),
        f"{counted(len(results.records), 'finished trial')} of {len(results.records) + len(results.missing)}",
    ]
    started = (results.index.started or "")[:10]
    return "; ".join(parts) + (f"; begun {started}." if started else ".")


def _sized(material: Material, data: str) -> str:
    """A data set with its number of test samples."""
    of = [record.test_samples for place, record in material.first_records if place["data"] == data]
    tested = next((samples for samples in of if samples is not None), None)
    return data if tested is None else f"{data}, {tested:,.0f} test samples"
