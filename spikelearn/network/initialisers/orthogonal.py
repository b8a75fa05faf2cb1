"""Orthogonal weights."""

import torch
from torch import Tensor, nn

from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, zero_bias


@INITIALISERS.register("orthogonal")
class Orthogonal(Initialiser):
    r"""Weights whose rows, or columns where these are fewer, are orthonormal: a QR factor of normal numbers.

    A kernel is taken as the matrix [outputs, inputs x h x w]; biases are 0.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Source: Saxe, McClelland & Ganguli, ICLR 2014, as ``torch.nn.init.orthogonal_``.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        nn.init.orthogonal_(weight, generator=generator)
        zero_bias(module)
