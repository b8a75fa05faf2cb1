"""Counts of right answers from scores and class numbers."""

import torch
from torch import Tensor


def correct(scores: Tensor, targets: Tensor) -> int:
    """Count samples whose target has the highest score (of equal ones the lowest class wins)."""
    return int((scores.argmax(1) == targets).sum())


def correct_unique(scores: Tensor, targets: Tensor) -> int:
    """Count samples whose target, and no other class, has the highest score."""
    highest = scores == scores.amax(1, keepdim=True)
    return int((highest.sum(1).eq(1) & highest.gather(1, targets.unsqueeze(1)).squeeze(1)).sum())


def confused(scores: Tensor, targets: Tensor) -> Tensor:
    """Counts [classes, classes], int64: sample by sample its target's row and the column of its highest score."""
    classes = scores.shape[1]
    return torch.bincount(targets * classes + scores.argmax(1), minlength=classes**2).reshape(classes, classes)
