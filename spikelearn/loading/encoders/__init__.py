"""Encoders of still images, and transforms ahead of them: one file each; importing them registers them."""

from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities, spread
from spikelearn.loading.encoders.centre_surround import CentreSurround
from spikelearn.loading.encoders.common_threshold import CommonThreshold
from spikelearn.loading.encoders.delta import Delta
from spikelearn.loading.encoders.direct import Direct
from spikelearn.loading.encoders.fields import ReceptiveFields
from spikelearn.loading.encoders.gamma import Gamma
from spikelearn.loading.encoders.invert import Invert
from spikelearn.loading.encoders.latency import Latency
from spikelearn.loading.encoders.on_off_latency import OnOffLatency
from spikelearn.loading.encoders.phase import Phase
from spikelearn.loading.encoders.pipeline import Pipeline
from spikelearn.loading.encoders.poisson import PoissonRate
from spikelearn.loading.encoders.population import Population
from spikelearn.loading.encoders.rate import BernoulliRate
from spikelearn.loading.encoders.regular import RegularRate
from spikelearn.loading.encoders.rows import Rows
from spikelearn.loading.encoders.saccades import Saccades
from spikelearn.loading.encoders.stretch import Stretch
from spikelearn.loading.encoders.text import encoder_from
from spikelearn.loading.encoders.together import Together
from spikelearn.loading.encoders.transform import Transform
from spikelearn.loading.encoders.zca import ZCA

__all__ = [
    "Transform",
    "encoder_from",
    "Stretch",
    "Pipeline",
    "Invert",
    "Gamma",
    "ReceptiveFields",
    "CentreSurround",
    "ENCODERS",
    "ZCA",
    "BernoulliRate",
    "CommonThreshold",
    "Delta",
    "Direct",
    "Encoder",
    "Latency",
    "NoiseKey",
    "OnOffLatency",
    "Phase",
    "PoissonRate",
    "Population",
    "RegularRate",
    "Rows",
    "Saccades",
    "Together",
    "check_intensities",
    "spread",
]
