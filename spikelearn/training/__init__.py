"""Training: from a rule's updates to a run that can be resumed."""

from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.clipping import clip_norm
from spikelearn.training.constraints import Bounds, Constraint, IncomingNorm
from spikelearn.training.display import ConsoleDisplay, Display, Silent
from spikelearn.training.fit import Fitted, fit
from spikelearn.training.folder import RunFolder
from spikelearn.training.interrupt import Interrupted
from spikelearn.training.optimizers import OPTIMIZERS, make_optimizer, make_schedule
from spikelearn.training.presets import Preset, merged, preset_names, read_preset
from spikelearn.training.processes import Processes, SaidElsewhere, joined
from spikelearn.training.reduction import ProcessLost, mean_over_processes
from spikelearn.training.run import (
    make_loaders,
    open_run,
    prepare,
    test_loader,
    train,
    trained_network,
    usable_device,
)
from spikelearn.training.settings import Settings, read_settings, settings_from, write_settings
from spikelearn.training.training import NonFiniteUpdate, Training, learn

__all__ = [
    "OPTIMIZERS",
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
    "clip_norm",
    "fit",
    "learn",
    "joined",
    "load_checkpoint",
    "make_loaders",
    "make_optimizer",
    "make_schedule",
    "mean_over_processes",
    "merged",
    "open_run",
    "prepare",
    "preset_names",
    "read_preset",
    "read_settings",
    "save_checkpoint",
    "settings_from",
    "test_loader",
    "train",
    "trained_network",
    "usable_device",
    "write_settings",
]
