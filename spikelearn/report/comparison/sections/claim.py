"""The claim that the comparison asks, where it asks one."""

from spikelearn.report.comparison.claims import read_claim_box
from spikelearn.report.comparison.material import Material
from spikelearn.report.comparison.section import ClaimBox, Section


def section(material: Material) -> Section | None:
    """The claim with its verdict; None where there is no claim.json."""
    claim = read_claim_box(material.results.folder)
    if claim is None:
        return None
    return Section("claim", "Claim", (ClaimBox(claim),), heading="The claim asked here", style="claim")
