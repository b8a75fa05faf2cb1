"""Learning signals: what tells a block how its spikes should change; importing them registers them."""

from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Layered, Pulled, Signal
from spikelearn.plasticity.three_factor.signals.direct import Direct
from spikelearn.plasticity.three_factor.signals.direct_kolen_pollack import DirectKolenPollack
from spikelearn.plasticity.three_factor.signals.directional import Directional
from spikelearn.plasticity.three_factor.signals.feedback import LayeredFeedback
from spikelearn.plasticity.three_factor.signals.fixed_basis import FixedBasis
from spikelearn.plasticity.three_factor.signals.layer_target import LayerTarget
from spikelearn.plasticity.three_factor.signals.local_classifier import LocalClassifier
from spikelearn.plasticity.three_factor.signals.local_readout import LocalReadout
from spikelearn.plasticity.three_factor.signals.mirrored import MirroredFeedback
from spikelearn.plasticity.three_factor.signals.output_spikes import OutputSpikes
from spikelearn.plasticity.three_factor.signals.random_target import RandomTarget
from spikelearn.plasticity.three_factor.signals.spatial import Spatial
from spikelearn.plasticity.three_factor.signals.spatial_step import SpatialStep

__all__ = [
    "SIGNALS",
    "Broadcast",
    "Direct",
    "DirectKolenPollack",
    "Directional",
    "FixedBasis",
    "Layered",
    "LayeredFeedback",
    "LayerTarget",
    "LocalClassifier",
    "LocalReadout",
    "MirroredFeedback",
    "OutputSpikes",
    "Pulled",
    "RandomTarget",
    "Signal",
    "Spatial",
    "SpatialStep",
]
