"""One of the units of a layer."""

from torch import Tensor

from spikelearn.plasticity.equilibrium.energies.divergence import DIVERGENCES, Divergence, DivergenceSlopes

#: Axis of a layer's units in values [T, B, n] or [T, B, C, H, W]: maps compete at each place of an image by itself.
UNITS = 2


@DIVERGENCES.register("categorical")
class Categorical(Divergence):
    r"""Categorical values: one of the units of a layer, with logits v predicted as $\mu$.

    $$D = \sum_i p_i\,(\ln p_i - \ln q_i), \qquad p = \mathrm{softmax}(v), \quad q = \mathrm{softmax}(\mu),$$
    $$\frac{\partial D}{\partial v} = p\,(\ln p - \ln q - D), \qquad \frac{\partial D}{\partial \mu} = q - p .$$

    The next layer reads p where neurons have the activation ``softmax``.

    Shapes: v and mu [T, B, n, ...], dimensionless, the sum over n and over all places.

    Source: Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, NeurIPS 2022.
    """

    #: The curvature is that of a variance of p, a quarter at most.
    eta = 2.0

    def of(self, value: Tensor, prediction: Tensor) -> Tensor:
        found = value.log_softmax(UNITS)
        return (found.exp() * (found - prediction.log_softmax(UNITS))).flatten(2).sum((0, 2))

    def slopes(self, value: Tensor, prediction: Tensor) -> DivergenceSlopes:
        found, expected = value.log_softmax(UNITS), prediction.log_softmax(UNITS)
        p, apart = found.exp(), found - expected
        each = (p * apart).sum(UNITS, keepdim=True)
        return DivergenceSlopes(p * (apart - each), expected.exp() - p)
