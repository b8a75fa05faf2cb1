"""Pictures and texts from the files of a run; nothing here runs a network."""

from spikelearn.report.comparison import write_claims_page, write_report
from spikelearn.report.pictures import draw_pictures
from spikelearn.report.recording import Recording
from spikelearn.report.sources import source_of, sources, summary_of

__all__ = ["Recording", "draw_pictures", "source_of", "sources", "summary_of", "write_claims_page", "write_report"]
