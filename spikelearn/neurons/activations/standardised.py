"""Another activation, standardised over the samples of a batch."""

import torch
from torch import Tensor

from spikelearn.checks import check_instance, check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, Activation
from spikelearn.neurons.activations.linear import Linear

#: Axis of the samples in a current [B, ...].
SAMPLES = 0


@ACTIVATIONS.register("standardised")
class Standardised(Activation):
    r"""Outputs of another activation, each unit's of mean 0 and standard deviation 1 in the batch.

    $$\phi(a) = \frac{x - \bar x}{\sigma + \epsilon}, \qquad x = \phi_{inner}(a), \qquad
      \sigma^2 = \frac{1}{B - 1} \sum_b (x_b - \bar x)^2$$

    Mean and deviation are those of the batch that is looked at, in evaluation too, where they couple the samples; of a
    sequence they are each step's own. An error q at the outputs y is $e = (q - \bar q - y \sum_b y_b q_b / (B - 1))
    / (\sigma + \epsilon)$ at x but for $\epsilon$, which is taken exactly.

    Args:
        inner: the activation whose outputs are standardised.
        epsilon: $\epsilon$, unit of the outputs of ``inner``.

    Shapes: current a and output [B, ...], mean and deviation over B.

    Raises:
        ValueError: an ``inner`` that is no activation, an epsilon that is not positive; a batch of one sample.

    Source: the authors' program of Shibuya, Inoue, Kawakami & Sato, AAAI 2023, behind tanh and linear units ("-BN").
    """

    over_batch = True

    def __init__(self, inner: Activation = Linear(), *, epsilon: float = 1e-12) -> None:
        check_instance("inner", inner, Activation, "for example Tanh() of spikelearn.neurons.activations")
        check_positive("epsilon", epsilon)
        self.inner, self.epsilon = inner, epsilon

    def __call__(self, current: Tensor) -> Tensor:
        centred, deviation = self._parts(current)
        return centred / (deviation + self.epsilon)

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        centred, deviation = self._parts(current)
        scale = deviation + self.epsilon
        shared = (centred * error).sum(SAMPLES, keepdim=True) / (scale * deviation * (len(current) - 1))
        # Units that are alike in all samples have no direction in which their deviation grows.
        shared = shared.where(deviation > 0, 0.0)
        own = (error - error.mean(SAMPLES, keepdim=True) - shared * centred) / scale
        return self.inner.vjp(current, own)

    def _parts(self, current: Tensor) -> tuple[Tensor, Tensor]:
        if len(current) < 2:
            raise ValueError(
                f"activation 'standardised' takes mean and deviation over a batch, but was given {len(current)} "
                "sample, expected two at least: choose a batch size (--batch) that leaves no sample alone"
            )
        output = self.inner(current)
        centred = output - output.mean(SAMPLES, keepdim=True)
        # torch's own deviation over the first axis takes ten times as long. A root has no derivative at 0.
        variance = centred.square().sum(SAMPLES, keepdim=True) / (len(current) - 1)
        spread = variance > 0
        return centred, torch.where(spread, torch.where(spread, variance, 1.0).sqrt(), 0.0)
