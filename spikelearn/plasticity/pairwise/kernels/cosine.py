"""The cosine between two samples' rates."""

import torch
from torch import Tensor

from spikelearn.neurons import Neuron, Rate
from spikelearn.plasticity.pairwise.kernels.base import KERNELS, Kernel


@KERNELS.register("cosine")
class Cosine(Kernel):
    r"""Cosine between what a block sends for two samples, $K_{ij} = \phi_i \cdot \phi_j$, $\phi = \bar z / |\bar z|$.

    $\bar z$ is the mean over the steps, spikes per step, or the output of a rate neuron. A silent sample has
    $\phi = 0$. The least value is 0, or -1 where neurons send negative numbers.

    Shapes: z [T, B, ...] -> K [B, B], dimensionless.

    Source: Duan, Yu & Principe, IEEE TNNLS 2022, feature maps of a layer's activation.
    """

    def __call__(self, sent: Tensor) -> Tensor:
        features = self.features(sent)
        length = features.norm(dim=1, keepdim=True)
        directions = features / torch.where(length > 0, length, 1.0)
        return directions @ directions.T

    def features(self, sent: Tensor) -> Tensor:
        """The numbers [B, n] whose directions are compared."""
        return sent.mean(0).flatten(1)

    def lowest(self, neuron: Neuron) -> float:
        signed = neuron.activation.signed if isinstance(neuron, Rate) else not neuron.fires
        return -1.0 if signed else 0.0
