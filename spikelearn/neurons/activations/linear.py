"""The current itself."""

import torch
from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("linear")
class Linear(Elementwise):
    r"""The current itself, $\phi(a) = a$: scores of a last layer, or a regression.

    Shapes: current a and output [B, ...], dimensionless.

    Source: standard.
    """

    def __call__(self, current: Tensor) -> Tensor:
        return current

    def derivative(self, current: Tensor) -> Tensor:
        return torch.ones_like(current)
