"""Weights for rectified units."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from spikelearn.checks import check_choice
from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, fan_in, zero_bias

Distribution = Literal["normal", "uniform"]


@INITIALISERS.register("kaiming")
class Kaiming(Initialiser):
    r"""Weights of mean 0 and variance $2/n$, n the fan-in; biases 0.

    Args:
        distribution: "normal", $N(0, \sqrt{2/n})$, or "uniform", $U(-\sqrt{6/n}, \sqrt{6/n})$.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: another distribution.

    Source: He et al., ICCV 2015.
    """

    draws_lists = True

    def __init__(self, distribution: Distribution = "normal") -> None:
        check_choice("distribution", distribution, get_args(Distribution))
        self.distribution = distribution

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        spread = math.sqrt(2.0 / fan_in(module))
        if self.distribution == "normal":
            weight.normal_(0.0, spread, generator=generator)
        else:
            bound = math.sqrt(3.0) * spread
            weight.uniform_(-bound, bound, generator=generator)
        zero_bias(module)
