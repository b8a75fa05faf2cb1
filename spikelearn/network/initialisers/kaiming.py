"""Normal weights for rectified units."""

import math

import torch
from torch import Tensor, nn

from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, fan_in, zero_bias


@INITIALISERS.register("kaiming")
class Kaiming(Initialiser):
    r"""Weights from $N(0, \sqrt{2/n})$, n the fan-in; biases 0.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Source: He et al., ICCV 2015.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.normal_(0.0, math.sqrt(2.0 / fan_in(module)), generator=generator)
        zero_bias(module)
