"""Rectified linear unit that leaks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("leaky-relu")
class LeakyReLU(Elementwise):
    r"""Leaky rectification: $\phi(a) = a$ above 0, $s\,a$ below; the slope at 0 is s.

    Args:
        slope: s, output per unit of negative current.

    Shapes: current a and output [B, ...].

    Raises:
        ValueError: a slope that is not finite.

    Source: Maas, Hannun & Ng, ICML 2013.
    """

    def __init__(self, slope: float = 0.01) -> None:
        check_finite("slope", slope)
        self.slope = slope

    @property
    def signed(self) -> bool:
        return self.slope > 0.0

    def __call__(self, current: Tensor) -> Tensor:
        return F.leaky_relu(current, self.slope)

    def derivative(self, current: Tensor) -> Tensor:
        return torch.ones_like(current).where(current > 0, self.slope)
