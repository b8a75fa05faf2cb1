"""Standard normal weights, divided by the root of the fan-in where they are used."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.checks import check_positive
from spikelearn.network.initialisers.base import INITIALISERS, WITH_WEIGHTS, Initialiser, zero_bias
from spikelearn.network.network import Network
from spikelearn.synapses import scaled_by_fan_in


@INITIALISERS.register("ntk")
class NTK(Initialiser):
    r"""Weights $W = R/\sqrt n$ with R from N(0, 1), n the fan-in; what learns is R; biases 0.

    It reparametrises the weights of all blocks (``FanInScale``): a learning rate then means the same in layers of any
    width, and the wider they are, the less W moves. The readout is drawn as by "uniform", and
    weights that are reparametrised otherwise keep that.

    Args:
        std: standard deviation of R, dimensionless; $\sqrt2$ keeps the size of what rectified units send.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a standard deviation not positive.

    Source: Jacot, Gabriel & Hongler, NeurIPS 2018; Boopathy & Fiete, ICML 2022.
    """

    def __init__(self, std: float = 1.0) -> None:
        check_positive("std", std)
        self.std = std

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        for place, layer in list(network.named_modules()):
            own = isinstance(layer, WITH_WEIGHTS) and not place.startswith("readout.")
            if own and not parametrize.is_parametrized(layer):
                scaled_by_fan_in(layer)
        super().__call__(network, generator)

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(0.0, self.std, generator=generator)
        zero_bias(module)
