"""The report of a comparison, from its files."""

from spikelearn.report.comparison.claims import write_claims_page
from spikelearn.report.comparison.writing import write_all, write_report

__all__ = ["write_all", "write_claims_page", "write_report"]
