"""Initialisers: one a file; importing them registers them."""

from spikelearn.network.initialisers.base import INITIALISERS, Initialiser
from spikelearn.network.initialisers.emstdp import EMSTDPInit, emstdp_thresholds
from spikelearn.network.initialisers.emstdp_loihi import EMSTDPLoihiInit
from spikelearn.network.initialisers.kaiming import Kaiming
from spikelearn.network.initialisers.normal import Normal
from spikelearn.network.initialisers.ntk import NTK
from spikelearn.network.initialisers.orthogonal import Orthogonal
from spikelearn.network.initialisers.truncated_normal import TruncatedNormal
from spikelearn.network.initialisers.tssl_bp import TSSLInit
from spikelearn.network.initialisers.uniform import Uniform
from spikelearn.network.initialisers.unit_norm import UnitNorm

__all__ = [
    "INITIALISERS",
    "NTK",
    "EMSTDPInit",
    "EMSTDPLoihiInit",
    "Initialiser",
    "Kaiming",
    "Normal",
    "Orthogonal",
    "TSSLInit",
    "TruncatedNormal",
    "Uniform",
    "UnitNorm",
    "emstdp_thresholds",
]
