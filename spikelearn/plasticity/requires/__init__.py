"""Needs of rules: small values that check a network, and give the settings that fulfil them."""

from spikelearn.plasticity.requires.base import Need, Passes, Unmet, Values, check_needs
from spikelearn.plasticity.requires.learning import (
    LossFits,
    PlainRate,
    SomethingToLearn,
    SpikeReadout,
    trainable_names,
    weights_of,
)
from spikelearn.plasticity.requires.neurons import (
    Fires,
    HasDecay,
    MatchingDt,
    Neurons,
    OneChannel,
    OneNumber,
    every_block,
)
from spikelearn.plasticity.requires.structure import (
    Chain,
    Delay,
    DenseLast,
    Encoding,
    FeedbackFromLast,
    NoFeedback,
    NoTrainableBias,
    PlainSynapses,
    StaticEdges,
    sources,
)

__all__ = [
    "Chain",
    "Delay",
    "DenseLast",
    "Encoding",
    "FeedbackFromLast",
    "Fires",
    "HasDecay",
    "LossFits",
    "MatchingDt",
    "Need",
    "Neurons",
    "NoFeedback",
    "NoTrainableBias",
    "OneChannel",
    "OneNumber",
    "Passes",
    "PlainRate",
    "PlainSynapses",
    "SomethingToLearn",
    "SpikeReadout",
    "StaticEdges",
    "Unmet",
    "Values",
    "check_needs",
    "every_block",
    "sources",
    "trainable_names",
    "weights_of",
]
