"""The task that targets of a form are meant for."""

from torch import Tensor

from spikelearn.tasks.base import Task
from spikelearn.tasks.classify import CLASSIFY
from spikelearn.tasks.per_step import PerStep
from spikelearn.tasks.regress import Regress


def task_of(inputs: Tensor, targets: Tensor) -> Task:
    """The task whose form the ``targets`` of ``inputs`` [T, B, ...] have.

    Raises:
        ValueError: real numbers [T, B] where T = B, which may be [B, n] as well.
    """
    if not targets.is_floating_point():
        return CLASSIFY if targets.ndim < 2 else PerStep()
    if targets.ndim == 2 and targets.shape == inputs.shape[:2]:
        if inputs.shape[0] == inputs.shape[1]:
            raise ValueError(
                f"targets have shape {list(targets.shape)} and inputs {list(inputs.shape)}, which can be one vector a "
                "sample [B, n] or one number for every step [T, B]: say task=Regress() or task=PerStep(values=True)"
            )
        return PerStep(values=True)
    if targets.ndim == 1 or is_one_hot(targets):
        return CLASSIFY  # refused there, with the ways to go on
    return Regress() if targets.ndim == 2 else PerStep(values=True)


def is_one_hot(targets: Tensor) -> bool:
    """Tell whether every row is 0 but for a single 1, which is the class number in another form."""
    if targets.ndim != 2 or targets.shape[1] < 2:
        return False
    return bool(((targets == 0) | (targets == 1)).all() and (targets.sum(1) == 1).all())
