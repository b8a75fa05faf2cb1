"""Noise on samples: one file each; importing them registers them."""

from spikelearn.loading.noise.base import NOISES, Noise
from spikelearn.loading.noise.deletion import Deletion
from spikelearn.loading.noise.gaussian import Gaussian
from spikelearn.loading.noise.insertion import Insertion
from spikelearn.loading.noise.jitter import Jitter
from spikelearn.loading.noise.salt_and_pepper import SaltAndPepper

__all__ = ["NOISES", "Deletion", "Gaussian", "Insertion", "Jitter", "Noise", "SaltAndPepper"]
