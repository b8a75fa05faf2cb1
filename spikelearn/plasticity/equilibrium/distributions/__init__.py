"""Distributions of a layer's values other than Gaussians of unit variance; importing them registers them."""

from spikelearn.plasticity.equilibrium.distributions.bernoulli import Bernoulli
from spikelearn.plasticity.equilibrium.distributions.categorical import Categorical
from spikelearn.plasticity.equilibrium.distributions.gaussian_variance import GaussianVariance

__all__ = ["Bernoulli", "Categorical", "GaussianVariance"]
