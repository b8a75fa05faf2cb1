"""torch's default weights."""

import torch
from torch import Tensor, nn

from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, draw_uniform


@INITIALISERS.register("uniform")
class Uniform(Initialiser):
    r"""Weights and biases from $U(-1/\sqrt n, 1/\sqrt n)$, n the fan-in: torch's default.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Source: He et al., ICCV 2015, in the form of torch's layers.
    """

    draws_lists = True

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        draw_uniform(module, generator)
