"""Loading: batches of a data set by encoders, noise and an order of samples."""

from spikelearn.loading.batches import Batches, Source, loader_of
from spikelearn.loading.encoders import (
    ENCODERS,
    ZCA,
    BernoulliRate,
    CommonThreshold,
    Direct,
    Encoder,
    Latency,
    RegularRate,
    spread,
)
from spikelearn.loading.loader import Loader, Samples, StepSamples, hold_out
from spikelearn.loading.noise import NOISES, Noise
from spikelearn.loading.sequences import Sequences, collate

__all__ = [
    "ENCODERS",
    "NOISES",
    "ZCA",
    "Batches",
    "BernoulliRate",
    "CommonThreshold",
    "Direct",
    "Encoder",
    "Latency",
    "Loader",
    "Noise",
    "RegularRate",
    "Samples",
    "Sequences",
    "Source",
    "StepSamples",
    "collate",
    "hold_out",
    "loader_of",
    "spread",
]
