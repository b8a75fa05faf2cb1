"""The verdict: what follows from the numbers, and what a reader must know before relying on it."""

from spikelearn.report.comparison.finding_groups import grouped
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Findings, Section
from spikelearn.report.comparison.values import counted

#: Kinds of findings that stand here.
VERDICTS = (
    "ceiling",
    "best",
    "better",
    "worse",
    "equivalent",
    "no difference shown",
    "not compared",
    "control",
    "ordinary",
    "ranks",
)
WARNINGS = ("warning",)


def section(material: Material) -> Section:
    """All verdicts, and the warnings folded."""
    verdicts, warnings = (
        grouped(material.findings, material.summary, material.layout, kinds) for kinds in (VERDICTS, WARNINGS)
    )
    title = "Before relying on it"
    count = counted(sum(len(group.lines) for group in warnings), "warning")
    parts = (Findings("Verdict", verdicts), Findings(title, warnings, label=f"{title}: {count}"))
    return Section("verdict", "Verdict", parts)
