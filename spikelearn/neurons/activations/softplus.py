"""Smooth rectification."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise

#: Exponent above which float64 cannot tell the function from its current.
EXACT = 40.0


@ACTIVATIONS.register("softplus")
class Softplus(Elementwise):
    r"""Smooth rectification, $\phi(a) = \frac{1}{\beta}\ln(1 + e^{\beta a})$, of slope $1/(1 + e^{-\beta a})$.

    The slope follows from the output as well, $1 - e^{-\beta\phi}$.

    Args:
        beta: $\beta$, sharpness, per unit of current; large: ReLU.

    Shapes: current a and output [B, ...].

    Raises:
        ValueError: ``beta`` not positive.

    Source: Dugas et al., NeurIPS 2000.
    """

    def __init__(self, beta: float = 1.0) -> None:
        check_positive("beta", beta)
        self.beta = beta

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        return F.softplus(current, self.beta, EXACT)

    def derivative(self, current: Tensor) -> Tensor:
        return torch.sigmoid(self.beta * current)
