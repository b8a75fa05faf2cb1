"""The whole-numbered weights and thresholds of EMSTDP on a chip."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spikelearn.network.initialisers.base import INITIALISERS, layers_with_weights
from spikelearn.network.initialisers.emstdp import EMSTDPInit
from spikelearn.network.network import Network


@INITIALISERS.register("emstdp-loihi")
class EMSTDPLoihiInit(EMSTDPInit):
    r"""Whole-numbered weights $\mathrm{round}(255\,N(0, \sqrt{3/n}))$ in -128..127, and thresholds in their unit.

    $$\vartheta = \lfloor 255\,\mathrm{ratio}\,\sqrt{3 n} / 2 \rfloor$$

    with n the fan-in; biases, where there are any, are a tenth of the threshold and do not learn.

    Args:
        hidden, output: ratios of the thresholds, dimensionless.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a ratio not positive; neurons without a threshold of their own.

    Source: Shrestha et al., DAC 2021 (arXiv 2105.03649), the authors' program.
    """

    def __init__(self, hidden: float = 0.5, output: float = 0.3) -> None:
        super().__init__(hidden, output)

    def thresholds(self, fan_ins: Sequence[int]) -> list[float]:
        ratios = [self.hidden] * (len(fan_ins) - 1) + [self.output]
        return [float(int(255 * ratio * math.sqrt(3.0 * n) / 2)) for ratio, n in zip(ratios, fan_ins, strict=True)]

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        super().__call__(network, generator)
        for block in network.blocks.values():
            for layer in layers_with_weights(block.synapse):
                if isinstance(layer, nn.Linear) and isinstance(layer.bias, nn.Parameter):
                    layer.bias.requires_grad_(False).fill_(block.neuron.v_threshold / 10.0)

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        super().draw(module, weight, generator)
        if isinstance(module, nn.Linear):
            weight.mul_(255.0).round_().clamp_(-128.0, 127.0)
