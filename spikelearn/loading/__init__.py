"""Loading: batches of a data set by encoders, noise and an order of samples."""

from spikelearn.loading.augmentations import AUGMENTATIONS, Augmentation
from spikelearn.loading.batches import Batches, Source, loader_of
from spikelearn.loading.encoders import (
    ENCODERS,
    ZCA,
    BernoulliRate,
    CommonThreshold,
    Delta,
    Direct,
    Encoder,
    Latency,
    Phase,
    PoissonRate,
    Population,
    RegularRate,
    Rows,
    Saccades,
    Together,
    spread,
)
from spikelearn.loading.loader import Loader, Samples, StepSamples, hold_out
from spikelearn.loading.noise import NOISES, Noise
from spikelearn.loading.sequences import Sequences, collate

__all__ = [
    "AUGMENTATIONS",
    "ENCODERS",
    "NOISES",
    "ZCA",
    "Augmentation",
    "Batches",
    "BernoulliRate",
    "CommonThreshold",
    "Delta",
    "Direct",
    "Encoder",
    "Latency",
    "Loader",
    "Noise",
    "Phase",
    "PoissonRate",
    "Population",
    "RegularRate",
    "Rows",
    "Saccades",
    "Samples",
    "Sequences",
    "Source",
    "StepSamples",
    "Together",
    "collate",
    "hold_out",
    "loader_of",
    "spread",
]
