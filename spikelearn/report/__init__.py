"""Pictures and texts from the files of a run; nothing here runs a network."""

from spikelearn.report.comparison import write_all, write_claims_page, write_report
from spikelearn.report.findings import findings_of, read_verdicts, verdict_values, write_verdicts
from spikelearn.report.pictures import draw_pictures
from spikelearn.report.recording import Recording
from spikelearn.report.run import write_run_report
from spikelearn.report.sources import sources

__all__ = [
    "Recording",
    "draw_pictures",
    "findings_of",
    "read_verdicts",
    "sources",
    "verdict_values",
    "write_all",
    "write_claims_page",
    "write_report",
    "write_run_report",
    "write_verdicts",
]
