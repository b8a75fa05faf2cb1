"""A straight line between two bounds."""

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("hard-sigmoid")
class HardSigmoid(Elementwise):
    r"""Clipped line, $\phi(a) = \mathrm{clip}(k\,a, \mathrm{low}, \mathrm{high})$, of slope k from bound to bound.

    Args:
        low, high: lowest and highest output, dimensionless.
        gain: k, output per unit of current.

    Shapes: current a and output [B, ...].

    Raises:
        ValueError: a bound that is not finite, low not below high, a gain that is not positive.

    Source: Scellier & Bengio, Frontiers in Computational Neuroscience 11, 2017 (0 to 1; symmetric bounds and gain 0.5
    are those of Laborieux et al., Frontiers in Neuroscience 15, 2021).
    """

    def __init__(self, low: float = 0.0, high: float = 1.0, gain: float = 1.0) -> None:
        check_finite("low", low)
        check_finite("high", high)
        check_positive("gain", gain)
        if low >= high:
            raise ValueError(f"low is {low} and high {high}, expected low below high")
        self.low, self.high, self.gain = low, high, gain

    @property
    def signed(self) -> bool:
        return self.low < 0.0

    def __call__(self, current: Tensor) -> Tensor:
        return (self.gain * current).clamp(self.low, self.high)

    def derivative(self, current: Tensor) -> Tensor:
        line = self.gain * current
        return torch.full_like(current, self.gain).where((line >= self.low) & (line <= self.high), 0.0)
