"""The page of a single run, in the look of a comparison's, from the run's files alone."""

from spikelearn.report.run.page import write_run_report

__all__ = ["write_run_report"]
