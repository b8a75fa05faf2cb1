"""The derivative of a logistic function."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.surrogates.base import SURROGATES, SurrogateDerivative


@SURROGATES.register("sigmoid")
class Sigmoid(SurrogateDerivative):
    r"""Derivative of a logistic function, $\psi(x) = k\,\sigma(kx)\,(1 - \sigma(kx))$.

    Args:
        slope: k, per unit of potential; $\psi(0) = k/4$.

    Shapes: x, psi [...].

    Raises:
        ValueError: ``slope`` not positive.

    Source: Bengio, Leonard & Courville, arXiv 1308.3432, 2013; Esser et al., PNAS 113, 2016 use its kin.
    """

    def __init__(self, slope: float = 4.0) -> None:
        check_positive("slope", slope)
        self.slope = slope

    def __call__(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(x * self.slope)
        return y.mul(1.0 - y).mul_(self.slope)
