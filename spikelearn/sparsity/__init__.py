"""Sparse weights: pruning while a network learns, and masks of what stays."""

from spikelearn.sparsity.pruning import PRUNINGS, GlobalPruning, Pruning, UniformPruning
from spikelearn.sparsity.pruning_masks import global_masks, sparsity_of
from spikelearn.sparsity.scores import SCORES, ConnectionSensitivity, GradientTimesWeight, Magnitude, Score

__all__ = [
    "PRUNINGS",
    "SCORES",
    "ConnectionSensitivity",
    "GlobalPruning",
    "GradientTimesWeight",
    "Magnitude",
    "Pruning",
    "Score",
    "UniformPruning",
    "global_masks",
    "sparsity_of",
]
