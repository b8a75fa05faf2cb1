"""Training: from a rule's updates to a run that can be resumed."""

from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.clipping import clip_norm
from spikelearn.training.constraints import Bounds, Constraint, IncomingNorm
from spikelearn.training.display import ConsoleDisplay, Display, Silent
from spikelearn.training.finite import NonFiniteUpdate
from spikelearn.training.fit import Fitted, Position, fit
from spikelearn.training.folder import RunFolder
from spikelearn.training.interrupt import Interrupted
from spikelearn.training.learning import learn
from spikelearn.training.needs import adapted, dense_sizes, filled_in, needed, needs_of, network_for, settings_for
from spikelearn.training.optimizers import OPTIMIZERS, OptimizerFactory, make_optimizer
from spikelearn.training.predicting import predictor, trained_predictor
from spikelearn.training.presets import Preset, merged, read_preset
from spikelearn.training.processes import Processes, SaidElsewhere, joined
from spikelearn.training.reduction import ProcessLost, mean_over_processes
from spikelearn.training.run import (
    about_weights,
    make_loaders,
    open_run,
    prepare,
    test_loader,
    train,
    train_longer,
    trained_network,
    usable_device,
)
from spikelearn.training.schedules import SCHEDULES, Schedule, make_schedule
from spikelearn.training.settings import Settings
from spikelearn.training.settings_files import read_settings, settings_from, write_settings
from spikelearn.training.training import Training

__all__ = [
    "OPTIMIZERS",
    "OptimizerFactory",
    "SCHEDULES",
    "Schedule",
    "Position",
    "Bounds",
    "ConsoleDisplay",
    "Constraint",
    "Display",
    "Fitted",
    "IncomingNorm",
    "Interrupted",
    "NonFiniteUpdate",
    "Preset",
    "ProcessLost",
    "Processes",
    "RunFolder",
    "SaidElsewhere",
    "Settings",
    "Silent",
    "Training",
    "about_weights",
    "adapted",
    "clip_norm",
    "dense_sizes",
    "filled_in",
    "fit",
    "learn",
    "joined",
    "load_checkpoint",
    "make_loaders",
    "make_optimizer",
    "make_schedule",
    "mean_over_processes",
    "merged",
    "needed",
    "needs_of",
    "network_for",
    "open_run",
    "predictor",
    "prepare",
    "read_preset",
    "read_settings",
    "save_checkpoint",
    "settings_for",
    "settings_from",
    "test_loader",
    "train",
    "train_longer",
    "trained_network",
    "trained_predictor",
    "usable_device",
    "write_settings",
]
