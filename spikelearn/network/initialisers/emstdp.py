"""The weights and thresholds of EMSTDP."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spikelearn.checks import check_positive
from spikelearn.network.initialisers.base import (
    INITIALISERS,
    Initialiser,
    draw_uniform,
    fan_in,
    layers_with_weights,
    zero_bias,
)
from spikelearn.network.network import Network
from spikelearn.neurons import MembraneNeuron


@INITIALISERS.register("emstdp")
class EMSTDPInit(Initialiser):
    r"""Weights from $N(0, \sqrt{3/n})$, n the fan-in, and thresholds that fall with the depth that is left.

    $$\vartheta_l = \mathrm{hidden}\,\frac{\sqrt{3 n_{l-1}}}{2 (L + 2 - l)}, \qquad
      \vartheta_{out} = \mathrm{output}\,\frac{\sqrt{3 n_L}}{2}$$

    for hidden layers l = 1..L with $n_{l-1}$ inputs. Biases are 0. Convolutions are a front end that was trained
    elsewhere: they keep their thresholds and are drawn as by "uniform".

    Args:
        hidden, output: ratios of the thresholds, dimensionless.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a ratio not positive; neurons without a threshold of their own.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program.
    """

    sets_thresholds = True

    def __init__(self, hidden: float = 0.5, output: float = 0.1) -> None:
        check_positive("hidden", hidden)
        check_positive("output", output)
        self.hidden, self.output = hidden, output

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        super().__call__(network, generator)
        dense = {
            name: next(iter(layers_with_weights(block.synapse)))
            for name, block in network.blocks.items()
            if all(isinstance(layer, nn.Linear) for layer in layers_with_weights(block.synapse))
        }
        thresholds = self.thresholds([int(fan_in(layer)) for layer in dense.values()]) if dense else []
        for name, threshold in zip(dense, thresholds, strict=True):
            block = network.blocks[name]
            if not isinstance(block.neuron, MembraneNeuron):
                raise ValueError(
                    f"initialiser 'emstdp' sets thresholds, but block {name!r} is a {type(block.neuron).__name__}: "
                    "use IF"
                )
            block.neuron.set_constant("v_threshold", threshold)

    def thresholds(self, fan_ins: Sequence[int]) -> list[float]:
        """Threshold of every block, the output last, from the fan-in of each."""
        return emstdp_thresholds(fan_ins, self.hidden, self.output)

    def draw(self, module: nn.Module, weight: Tensor, generator: torch.Generator) -> None:
        if not isinstance(module, nn.Linear):
            draw_uniform(module, generator)
            return
        weight.normal_(0.0, math.sqrt(3.0 / fan_in(module)), generator=generator)
        zero_bias(module)


def emstdp_thresholds(fan_ins: Sequence[int], hidden: float, output: float) -> list[float]:
    """Thresholds of all layers, the output last, from the fan-in of each; see ``EMSTDPInit``."""
    depth = len(fan_ins) - 1
    below = [hidden * math.sqrt(3.0 * n) / (2.0 * (depth + 1 - place)) for place, n in enumerate(fan_ins[:-1])]
    return [*below, output * math.sqrt(3.0 * fan_ins[-1]) / 2.0]
