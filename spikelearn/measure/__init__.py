"""Measurements of a network."""

from spikelearn.measure.evaluation import Evaluation, correct, correct_unique, evaluate

__all__ = ["Evaluation", "correct", "correct_unique", "evaluate"]
