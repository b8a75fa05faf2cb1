"""Several processes that train one network."""

from spikelearn.training.parallel.processes import ALONE, Processes, SaidElsewhere, joined
from spikelearn.training.parallel.reduction import ProcessLost, mean_over_processes
from spikelearn.training.parallel.sharing import evaluate_together

__all__ = [
    "ALONE",
    "ProcessLost",
    "Processes",
    "SaidElsewhere",
    "evaluate_together",
    "joined",
    "mean_over_processes",
]
