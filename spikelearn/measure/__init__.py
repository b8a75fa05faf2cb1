"""Measurements of a network."""

from spikelearn.measure.evaluation import Evaluation, correct, evaluate

__all__ = ["Evaluation", "correct", "evaluate"]
