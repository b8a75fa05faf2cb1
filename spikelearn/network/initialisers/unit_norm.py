"""Weights of unit norm for each output."""

import torch
from torch import Tensor, nn

from spikelearn.checks import check_flag, check_positive
from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, zero_bias


@INITIALISERS.register("unit-norm")
class UnitNorm(Initialiser):
    r"""Weights from U(-1, 1), those of every output unit then scaled to one Euclidean norm; biases 0.

    The readout is drawn as by "uniform".

    Args:
        length: the norm, unit of weight.
        positive: whether weights come from U(0, 1).

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a length not positive.

    Source: Xiao et al., NeurIPS 2021, the authors' program; positive, and far longer than 1: Journe et al., ICLR 2023.
    """

    def __init__(self, length: float = 1.0, positive: bool = False) -> None:
        check_positive("length", length)
        check_flag("positive", positive)
        self.length, self.positive = length, positive

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        weight.uniform_(0.0 if self.positive else -1.0, 1.0, generator=generator)
        unit = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        others = [axis for axis in range(weight.ndim) if axis != unit]
        weight.div_(weight.square().sum(others, keepdim=True).sqrt())
        if self.length != 1.0:
            weight.mul_(self.length)
        zero_bias(module)
