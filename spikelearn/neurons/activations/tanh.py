"""Hyperbolic tangent."""

import torch
from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("tanh")
class Tanh(Elementwise):
    r"""Hyperbolic tangent, $\phi(a) = \tanh a$, of slope $1 - \tanh^2 a$.

    Shapes: current a and output [B, ...], dimensionless.

    Source: standard.
    """

    def __call__(self, current: Tensor) -> Tensor:
        return current.tanh()

    def derivative(self, current: Tensor) -> Tensor:
        return 1.0 - current.tanh().square()

    def vjp_at(self, current: Tensor, output: Tensor, error: Tensor) -> Tensor:
        return torch.ops.aten.tanh_backward(error, output)
