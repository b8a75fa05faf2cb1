"""Weights of unit norm for each output."""

import torch
from torch import Tensor, nn

from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, zero_bias


@INITIALISERS.register("unit-norm")
class UnitNorm(Initialiser):
    r"""Weights from U(-1, 1), those of every output unit then scaled to Euclidean norm 1; biases 0.

    The readout is drawn as by "uniform".

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Source: Xiao et al., NeurIPS 2021, the authors' program.
    """

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.uniform_(-1.0, 1.0, generator=generator)
        unit = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        others = [axis for axis in range(weight.ndim) if axis != unit]
        weight.div_(weight.square().sum(others, keepdim=True).sqrt())
        zero_bias(module)
