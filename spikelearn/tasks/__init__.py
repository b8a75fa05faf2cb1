"""Tasks: the form of a target, the loss that fits, the measure that is reported; importing them registers them."""

from spikelearn.tasks.autoencode import Autoencode
from spikelearn.tasks.base import ACCURACY, MSE, TASKS, Measure, Tally, Task, measure_in
from spikelearn.tasks.classify import CLASSIFY, Classify, check_targets
from spikelearn.tasks.counts import confused, correct, correct_unique
from spikelearn.tasks.inferred import is_one_hot, task_of
from spikelearn.tasks.per_step import PerStep
from spikelearn.tasks.regress import Regress
from spikelearn.tasks.valid import check_lengths, check_valid, valid_steps

__all__ = [
    "ACCURACY",
    "CLASSIFY",
    "MSE",
    "TASKS",
    "Autoencode",
    "Classify",
    "Measure",
    "PerStep",
    "Regress",
    "Tally",
    "Task",
    "check_lengths",
    "check_targets",
    "check_valid",
    "confused",
    "correct",
    "correct_unique",
    "is_one_hot",
    "measure_in",
    "task_of",
    "valid_steps",
]
