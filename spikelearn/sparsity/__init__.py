"""Sparse weights: pruning while a network learns, and masks of what stays."""

from spikelearn.sparsity.pruning import PRUNINGS, GlobalPruning, Pruning, UniformPruning
from spikelearn.sparsity.pruning_masks import global_masks, sparsity_of

__all__ = ["PRUNINGS", "GlobalPruning", "Pruning", "UniformPruning", "global_masks", "sparsity_of"]
