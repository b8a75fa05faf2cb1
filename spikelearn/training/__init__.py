"""Training: from a rule's updates to weights, epochs and checkpoints from which it is gone on with exactly."""

from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.clipping import clip_norm
from spikelearn.training.constraints import Bounds, Constraint, IncomingLength, IncomingNorm
from spikelearn.training.display import ConsoleDisplay, Display, Silent
from spikelearn.training.finite import NonFiniteUpdate
from spikelearn.training.fit import fit
from spikelearn.training.fitting import Fitted
from spikelearn.training.folder import RunFolder
from spikelearn.training.forming import forming_weights
from spikelearn.training.interrupt import Interrupted
from spikelearn.training.learning import learn
from spikelearn.training.optimizers import OPTIMIZERS, OptimizerFactory, make_optimizer
from spikelearn.training.parallel import Processes, ProcessLost, SaidElsewhere, joined, mean_over_processes
from spikelearn.training.position import Position
from spikelearn.training.predicting import predictor
from spikelearn.training.schedules import SCHEDULES, Schedule, make_schedule
from spikelearn.training.training import Training

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Bounds",
    "ConsoleDisplay",
    "Constraint",
    "Display",
    "Fitted",
    "IncomingLength",
    "IncomingNorm",
    "Interrupted",
    "NonFiniteUpdate",
    "OptimizerFactory",
    "Position",
    "ProcessLost",
    "Processes",
    "RunFolder",
    "SaidElsewhere",
    "Schedule",
    "Silent",
    "Training",
    "clip_norm",
    "fit",
    "forming_weights",
    "joined",
    "learn",
    "load_checkpoint",
    "make_optimizer",
    "make_schedule",
    "mean_over_processes",
    "predictor",
    "save_checkpoint",
]
