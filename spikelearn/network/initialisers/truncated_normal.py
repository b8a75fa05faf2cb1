"""Normal weights without tails."""

import torch
from torch import Tensor, nn

from spikelearn.checks import check_positive
from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, zero_bias


@INITIALISERS.register("truncated-normal")
class TruncatedNormal(Initialiser):
    r"""Weights from $N(0, s)$, drawn again where they are further than 2 s from 0; biases 0.

    Args:
        std: s, unit of weight.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a standard deviation not positive.

    Source: Zhou, arXiv 2209.13400, 2022, the author's program: s = 0.01.
    """

    draws_lists = True

    def __init__(self, std: float = 0.01) -> None:
        check_positive("std", std)
        self.std = std

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        nn.init.trunc_normal_(weight, 0.0, self.std, -2 * self.std, 2 * self.std, generator=generator)
        zero_bias(module)
