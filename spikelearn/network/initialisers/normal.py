"""Normal weights of any mean."""

import math

from torch import Generator, Tensor, nn

from spikelearn.checks import check_finite, check_flag, check_not_negative
from spikelearn.network.initialisers.base import INITIALISERS, Initialiser, fan_in, zero_bias


@INITIALISERS.register("normal")
class Normal(Initialiser):
    r"""Weights from $N(m / n, s^2 / n)$, n the fan-in; biases 0.

    So the weights of one spike from every input add up to m, whatever the number of inputs, and their spread about it
    is s. Neurons that must fire at first, since only spikes have a derivative, take a mean above 0.

    Args:
        mean: m, unit of weight.
        std: s, unit of weight.
        each: whether m and s are those of every single weight, $N(m, s^2)$, whatever the fan-in.

    Shapes: weights [outputs, inputs] or [outputs, inputs, h, w], biases [outputs], unit of current per spike.

    Raises:
        ValueError: a mean that is not finite, a negative standard deviation.

    Source: standard; means above 0 as in Wunderlich & Pehle, Scientific Reports 11, 2021; of each weight as in
    Kheradpisheh, Ganjtabesh, Thorpe & Masquelier, Neural Networks 99, 2018.
    """

    draws_lists = True

    def __init__(self, mean: float = 0.0, std: float = 1.0, *, each: bool = False) -> None:
        check_finite("mean", mean)
        check_not_negative("std", std)
        check_flag("each", each)
        self.mean, self.std, self.each = mean, std, each

    def draw(self, module: nn.Module, weight: Tensor, generator: Generator) -> None:
        inputs = 1 if self.each else fan_in(module)
        weight.normal_(self.mean / inputs, self.std / math.sqrt(inputs), generator=generator)
        zero_bias(module)
