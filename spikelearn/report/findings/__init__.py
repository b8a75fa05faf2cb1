"""What may be said of a comparison, in sentences that follow from its numbers."""

from spikelearn.report.findings.findings import findings_of
from spikelearn.report.findings.sentences import Finding
from spikelearn.report.findings.verdicts import is_verdict, read_verdicts, verdict_values, write_verdicts

__all__ = ["Finding", "findings_of", "is_verdict", "read_verdicts", "verdict_values", "write_verdicts"]
