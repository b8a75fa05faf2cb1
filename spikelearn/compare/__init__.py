"""Comparisons of learning rules under equal conditions: plans, trials, engines, results and statistics."""

from spikelearn.compare.claims import Claim, claim_names, is_verdict, judge, read_claim, read_verdicts, write_verdicts
from spikelearn.compare.comparison import Compared, compare
from spikelearn.compare.conduct import attempt
from spikelearn.compare.engines import ENGINES, Engine, LocalEngine, Outcome, RayEngine
from spikelearn.compare.plan import Plan, Point, plan_from, read_plan
from spikelearn.compare.results import Results, read_results, write_csv, write_parquet
from spikelearn.compare.suites import read_suite, suite_names
from spikelearn.compare.summary import Summary, summarise
from spikelearn.compare.trial import Trial, TrialFolder
from spikelearn.compare.tuned import Tuned, read_tuned

__all__ = [
    "ENGINES",
    "Claim",
    "Compared",
    "Engine",
    "LocalEngine",
    "Outcome",
    "Plan",
    "Point",
    "RayEngine",
    "Results",
    "Summary",
    "Trial",
    "TrialFolder",
    "Tuned",
    "attempt",
    "claim_names",
    "compare",
    "is_verdict",
    "judge",
    "plan_from",
    "read_claim",
    "read_plan",
    "read_results",
    "read_suite",
    "read_tuned",
    "read_verdicts",
    "suite_names",
    "summarise",
    "write_csv",
    "write_parquet",
    "write_verdicts",
]
