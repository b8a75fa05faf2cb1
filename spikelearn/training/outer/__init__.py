"""Outer loops: rules that are learned by the loss behind many short trainings."""

from spikelearn.training.outer.credit_loop import CreditLoop
from spikelearn.training.outer.episodes import Episode, Episodes
from spikelearn.training.outer.outer_loop import Derivative, EpisodeResult, OuterLoop, Tested, adapted
from spikelearn.training.outer.phenotype_loop import Moment, PhenotypeLoop

__all__ = [
    "CreditLoop",
    "Derivative",
    "Episode",
    "EpisodeResult",
    "Episodes",
    "Moment",
    "OuterLoop",
    "PhenotypeLoop",
    "Tested",
    "adapted",
]
