"""Gaussians whose variance is a value too."""

import torch
from torch import Tensor

from spikelearn.plasticity.equilibrium.energies.divergence import DIVERGENCES, Divergence, DivergenceSlopes

#: Axis of a layer's units, the first half of which are means.
UNITS = 2


@DIVERGENCES.register("gaussian-variance")
class GaussianVariance(Divergence):
    r"""Gaussian values of learned variance: the first half of a layer's units are means, the second log variances.

    $$D = \frac12 \sum_i u_i - s_i + e^{s_i - u_i} + (m_i - m'_i)^2 e^{-u_i} - 1, \qquad v = (m, s), \quad
      \mu = (m', u),$$
    $$\frac{\partial D}{\partial m} = -\frac{\partial D}{\partial m'} = (m - m')\,e^{-u}, \qquad
      \frac{\partial D}{\partial s} = \frac{e^{s-u} - 1}{2}, \qquad
      \frac{\partial D}{\partial u} = \frac{1 - e^{s-u} - (m - m')^2 e^{-u}}{2} .$$

    The next layer reads the means where neurons have the activation ``half-tanh``.

    Shapes: v and mu [T, B, n, ...] with n even, dimensionless.

    Raises:
        ValueError: an odd number of units.

    Source: Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, NeurIPS 2022.
    """

    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        (m, s), (m_, u) = _halves(value), _halves(prediction)
        each = u - s + (s - u).exp() + (m - m_).square() * (-u).exp() - 1.0
        return 0.5 * each.flatten(2).sum((0, 2))

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        (m, s), (m_, u) = _halves(value), _halves(prediction)
        ratio, pull = (s - u).exp(), (m - m_) * (-u).exp()
        own = torch.cat([pull, 0.5 * (ratio - 1.0)], UNITS)
        predicted = torch.cat([-pull, 0.5 * (1.0 - ratio - (m - m_) * pull)], UNITS)
        return DivergenceSlopes(own, predicted)


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    if values.shape[UNITS] % 2:
        raise ValueError(
            f"distribution 'gaussian-variance' splits a layer into means and log variances, but it has "
            f"{values.shape[UNITS]} units, expected an even number: double the means, or use 'gaussian'"
        )
    means, variances = values.chunk(2, UNITS)
    return means, variances
