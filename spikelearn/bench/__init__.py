"""Comparisons of learning rules under equal conditions: plans, trials, engines, results and statistics."""

from spikelearn.bench.analyse.files import write_csv, write_parquet
from spikelearn.bench.analyse.results import Results, read_results
from spikelearn.bench.analyse.summary import Summary, summarise
from spikelearn.bench.analyse.verdicts import Judgement, judge
from spikelearn.bench.plan.claims import Claim, read_claim
from spikelearn.bench.plan.plan import Plan, Point
from spikelearn.bench.plan.reading import plan_from, read_plan, read_suite
from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.plan.tuned import Tuned, read_tuned
from spikelearn.bench.run.comparison import Compared, compare
from spikelearn.bench.run.engines import ENGINES, Engine, LocalEngine, Outcome, RayEngine
from spikelearn.bench.run.run_trial import attempt
from spikelearn.bench.run.trial_folder import TrialFolder

__all__ = [
    "ENGINES",
    "Claim",
    "Compared",
    "Engine",
    "Judgement",
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
    "compare",
    "judge",
    "plan_from",
    "read_claim",
    "read_plan",
    "read_results",
    "read_suite",
    "read_tuned",
    "summarise",
    "write_csv",
    "write_parquet",
]
