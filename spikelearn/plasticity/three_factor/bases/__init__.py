"""Fixed class vectors, with which local losses compare what a block sent; importing them registers them."""

from spikelearn.plasticity.three_factor.bases.base import BASES, Basis, coherence
from spikelearn.plasticity.three_factor.bases.cosine import CosineBasis
from spikelearn.plasticity.three_factor.bases.random import RandomBasis
from spikelearn.plasticity.three_factor.bases.square import SquareBasis

__all__ = ["BASES", "Basis", "CosineBasis", "RandomBasis", "SquareBasis", "coherence"]
