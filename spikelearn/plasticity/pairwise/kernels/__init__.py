"""Kernels, by which a block compares two samples; importing them registers them."""

from spikelearn.plasticity.pairwise.kernels.base import KERNELS, Kernel
from spikelearn.plasticity.pairwise.kernels.cosine import Cosine
from spikelearn.plasticity.pairwise.kernels.filtered import Filtered
from spikelearn.plasticity.pairwise.kernels.gaussian import Gaussian

__all__ = ["KERNELS", "Cosine", "Filtered", "Gaussian", "Kernel"]
