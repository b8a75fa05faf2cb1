"""Gaussian error linear unit."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("gelu")
class GELU(Elementwise):
    r"""Gaussian error linear unit, $\phi(a) = a\,P(a)$, of slope $P(a) + a\,p(a)$.

    P is the distribution function of the standard normal, $P(a) = \frac12(1 + \mathrm{erf}(a/\sqrt2))$, p its density.

    Shapes: current a and output [B, ...], dimensionless.

    Source: Hendrycks & Gimpel, arXiv 1606.08415, 2016.
    """

    def __call__(self, current: Tensor) -> Tensor:
        return F.gelu(current)

    def derivative(self, current: Tensor) -> Tensor:
        share = 0.5 * (1.0 + torch.erf(current / math.sqrt(2.0)))
        return share + current * torch.exp(-0.5 * current.square()) / math.sqrt(2.0 * math.pi)
