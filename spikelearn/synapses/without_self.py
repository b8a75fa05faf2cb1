"""Recurrent weights by which no neuron drives itself."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class WithoutSelf(nn.Module):
    r"""Reparametrisation $W_{ij} = R_{ij}$ for i other than j, and $W_{ii} = 0$; the diagonal of R has no effect.

    Shapes: R and W [n, n].

    Source: Bellec et al., Nature Communications 11, 2020 (recurrent networks of e-prop).
    """

    def forward(self, weight: Tensor) -> Tensor:
        return weight * (1.0 - torch.eye(len(weight), dtype=weight.dtype, device=weight.device))

    def right_inverse(self, weight: Tensor) -> Tensor:
        """R of a weight that is set: itself."""
        return weight


def without_self(synapse: nn.Linear) -> nn.Linear:
    """Put a ``WithoutSelf`` on the weight of ``synapse``, and return it.

    Raises:
        ValueError: another number of outputs than inputs, which are the same neurons.
    """
    if synapse.in_features != synapse.out_features:
        raise ValueError(
            f"synapse has {synapse.in_features} inputs and {synapse.out_features} outputs, expected as many: only "
            "neurons that send to their own population have a way to themselves"
        )
    parametrize.register_parametrization(synapse, "weight", WithoutSelf())
    return synapse
