"""The smallest weights go."""

from typing import get_args

import torch

from spikelearn.checks import check_choice, check_fraction
from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment
from spikelearn.network import Network
from spikelearn.sparsity.pruning_masks import Method, global_masks


@IMPAIRMENTS.register("prune")
class Prune(Impairment):
    """The smallest synaptic weights become 0 (``global_masks``).

    Args:
        sparsity: share of the weights that go, in [0, 1).
        minimum: share of all weights that every layer keeps at least, in [0, 1].
        method: "global", or "uniform": the same share of every layer.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range; a sparsity that the minimum does not allow.

    Source: Gupta et al., arXiv 2209.14624; after training as in Gupta et al., arXiv 2212.04614.
    """

    def __init__(self, sparsity: float, minimum: float = 0.0, method: Method = "global") -> None:
        check_fraction("sparsity", sparsity, below_one=True)
        check_fraction("minimum", minimum)
        check_choice("method", method, get_args(Method))
        self.sparsity, self.minimum, self.method = sparsity, minimum, method

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        masks = global_masks(network, self.sparsity, minimum=self.minimum, method=self.method)
        for name, mask in masks.items():
            network.get_parameter(name).masked_fill_(~mask, 0.0)
