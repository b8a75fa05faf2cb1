"""What to cite, of everything that the trials at the base point were made of."""

from spikelearn.docstrings import source_of
from spikelearn.measure.energy import Constants45nm
from spikelearn.plasticity import RULES
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import Facts, Section
from spikelearn.report.sources import sources
from spikelearn.runs import settings_from


def section(material: Material) -> Section:
    """The sources by what they are of, rules first, then the rest by name."""
    cited: dict[str, str] = {}
    for _, record in material.first_records:
        try:
            cited |= sources(settings_from(record.settings))
        except (ValueError, TypeError):  # settings of another version: at least the rule can be named
            if record.rule in RULES:
                cited.setdefault(f"rule {record.rule}", source_of(RULES.get(record.rule)))
    cited["energy per operation"] = source_of(Constants45nm)
    items = sorted(cited.items(), key=lambda item: (not item[0].startswith("rule "), item[0]))
    facts = Facts([(name, text) for name, text in items if text], in_text=True)
    return Section("sources", "Sources to cite", (facts,))
