"""Units of a layer that are on or off."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.plasticity.equilibrium.energies.divergence import DIVERGENCES, Divergence, DivergenceSlopes


@DIVERGENCES.register("bernoulli")
class Bernoulli(Divergence):
    r"""Bernoulli values: each unit is on or off by itself, with logit v predicted as $\mu$.

    $$D = \sum_i p_i \ln\frac{p_i}{q_i} + (1 - p_i) \ln\frac{1 - p_i}{1 - q_i}, \qquad p = \sigma(v), \quad
      q = \sigma(\mu),$$
    $$\frac{\partial D}{\partial v} = p\,(1 - p)\,(v - \mu), \qquad \frac{\partial D}{\partial \mu} = q - p .$$

    The next layer reads p where neurons have the activation ``sigmoid``.

    Shapes: v and mu [T, B, n, ...], dimensionless.

    Source: after Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, NeurIPS 2022, whose layers may have any
    distribution.
    """

    #: The curvature is that of a variance of p, a quarter at most.
    eta = 2.0

    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        on = value.sigmoid() * (F.logsigmoid(value) - F.logsigmoid(prediction))
        off = (-value).sigmoid() * (F.logsigmoid(-value) - F.logsigmoid(-prediction))
        return (on + off).flatten(2).sum((0, 2))

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        p = value.sigmoid()
        return DivergenceSlopes(p * (1.0 - p) * (value - prediction), prediction.sigmoid() - p)
