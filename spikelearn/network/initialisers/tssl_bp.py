"""The weights of TSSL-BP."""

import math

import torch
from torch import Tensor, nn

from spikelearn.checks import check_positive
from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, fan_in, zero_bias


@INITIALISERS.register("tssl-bp")
class TSSLInit(Initialiser):
    r"""Dense weights from $N(0, \sqrt{2/n})$, convolutions from $U(-1/\sqrt n, 1/\sqrt n)$; biases 0.

    Args:
        scale: factor on every weight, dimensionless; the published CIFAR-10 convolutions have 5.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: ``scale`` not positive.

    Source: Zhang & Li, NeurIPS 2020, the authors' program.
    """

    def __init__(self, scale: float = 1.0) -> None:
        check_positive("scale", scale)
        self.scale = scale

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        if isinstance(module, nn.Linear):
            weight.normal_(0.0, math.sqrt(2.0 / fan_in(module)), generator=generator)
        else:
            bound = 1.0 / math.sqrt(fan_in(module))
            weight.uniform_(-bound, bound, generator=generator)
        weight.mul_(self.scale)
        zero_bias(module)
