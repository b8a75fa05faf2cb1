"""Normalisation of every sample by itself."""

from torch import Tensor, nn

#: Keeps a constant sample from a division by 0, unit of the sample.
EPSILON = 1e-10


class SampleNorm(nn.Module):
    r"""Every sample with mean 0 and standard deviation 1 over all its values.

    $$y = (x - \bar x) / (\sigma + 10^{-10})$$

    $\sigma$ divides by n - 1. Samples do not meet, and there is nothing to learn.

    Shapes: [B, ...], kept.

    Source: Miconi, arXiv 2107.01729, 2021, the author's program.
    """

    def forward(self, x: Tensor) -> Tensor:
        axes = list(range(1, x.ndim))
        return (x - x.mean(axes, keepdim=True)) / (x.std(axes, keepdim=True) + EPSILON)
