"""Hyperbolic tangent of the first half of a layer."""

import torch
from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, UNITS, Layerwise


@ACTIVATIONS.register("half-tanh")
class HalfTanh(Layerwise):
    r"""$\phi(a)_i = \tanh a_i$ for the first half of the layer's units, 0 for the second half.

    For layers of distributions, whose first half of units holds means m, and whose second half log variances that the
    next layer does not read: $a = (m, \log\sigma^2)$.

    Shapes: current a and output [B, n, ...] with n even, dimensionless.

    Raises:
        ValueError: an odd number of units.

    Source: Pinchetti et al., NeurIPS 2022, predictive coding with Gaussian layers of learned variance. deviation: the
    second half sends 0, where the paper's next layer has no weights from it.
    """

    def __call__(self, current: Tensor) -> Tensor:
        means, variances = self._halves(current)
        return torch.cat([means.tanh(), torch.zeros_like(variances)], UNITS)

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        means, variances = self._halves(current)
        arriving, _ = self._halves(error)
        return torch.cat([arriving * (1.0 - means.tanh().square()), torch.zeros_like(variances)], UNITS)

    @staticmethod
    def _halves(current: Tensor) -> tuple[Tensor, Tensor]:
        units = current.shape[UNITS]
        if units % 2:
            raise ValueError(
                f"activation 'half-tanh' splits a layer into means and variances, but it has {units} units, expected "
                "an even number: double the means, or use 'tanh'"
            )
        means, variances = current.chunk(2, UNITS)
        return means, variances
