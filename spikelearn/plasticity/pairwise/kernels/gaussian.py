"""The Gaussian of the distance between two samples' rates."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons import Neuron
from spikelearn.plasticity.pairwise.kernels.base import KERNELS, Kernel


@KERNELS.register("gaussian")
class Gaussian(Kernel):
    r"""Gaussian kernel of what a block sends for two samples, $K_{ij} = e^{-|\bar z_i - \bar z_j|^2 / (2 \sigma^2)}$.

    $\bar z$ is the mean over the steps; of linear rate neurons it is their current.

    Args:
        sigma: $\sigma$, spikes per step, or the unit of a rate neuron's output.

    Shapes: z [T, B, ...] -> K [B, B], dimensionless.

    Raises:
        ValueError: ``sigma`` not positive.

    Source: Duan, Yu & Principe, IEEE TNNLS 2022; the authors' program takes it of the current.
    """

    def __init__(self, sigma: float = 1.0) -> None:
        check_positive("sigma", sigma)
        self.sigma = sigma

    def __call__(self, sent: Tensor) -> Tensor:
        rates = sent.mean(0).flatten(1)
        length = rates.square().sum(1)
        square = length.unsqueeze(1) + length - 2.0 * (rates @ rates.T)
        return torch.exp(-square / (2.0 * self.sigma**2))

    def lowest(self, neuron: Neuron) -> float:
        return 0.0
