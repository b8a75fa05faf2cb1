"""Outer loops: rules that are learned by the loss behind many short trainings."""

from spikelearn.training.outer.class_streams import ClassStreams
from spikelearn.training.outer.credit_loop import CreditLoop
from spikelearn.training.outer.episodes import Episode, Episodes
from spikelearn.training.outer.outer_loop import Derivative, EpisodeResult, OuterLoop, Tested, adapted
from spikelearn.training.outer.phenotype_loop import PhenotypeLoop
from spikelearn.training.outer.sines import SineMixtures
from spikelearn.training.outer.streams import Moment, Streams, one_after_the_other

__all__ = [
    "ClassStreams",
    "CreditLoop",
    "Derivative",
    "Episode",
    "EpisodeResult",
    "Episodes",
    "Moment",
    "OuterLoop",
    "PhenotypeLoop",
    "SineMixtures",
    "Streams",
    "Tested",
    "adapted",
    "one_after_the_other",
]
