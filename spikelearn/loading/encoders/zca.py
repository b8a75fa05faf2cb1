"""Whitened images as constant currents."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag, check_not_negative, check_shape
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, spread

#: Keeps the deviation of an even image from 0, unit of intensity.
LEAST = 1e-10


@ENCODERS.register("zca")
class ZCA(Encoder):
    r"""Whole images whitened by zero-phase component analysis, as a constant input current.

    $$x[t] = (\tilde p - m)\,U\,(\Lambda + \epsilon)^{-1/2}\,U^\top$$

    with $\tilde p$ the image less its mean, over its standard deviation, and mean m and covariance $U \Lambda U^\top$
    of such images of training. ``fit`` finds them; a run fits its encoder to the training samples that it has.

    Args:
        samples: images of training that are looked at at most, spread evenly.
        epsilon: $\epsilon$, added to the variance of every component, square of the unit of $\tilde p$.
        standardised: whether every image is brought to mean 0 and deviation 1 first; else $\tilde p$ is the image.

    Shapes: pixels [B, C, H, W] -> [T, B, C, H, W], stored once.

    Raises:
        ValueError: a value out of range; images before ``fit``, or of another shape.

    Source: Bell & Sejnowski, Vision Research 37, 1997; images and their number as in Miconi, arXiv 2107.01729, 2021,
    and the author's program; $\epsilon$ is chosen here.
    """

    def __init__(self, samples: int = 9000, *, epsilon: float = 1e-3, standardised: bool = True) -> None:
        check_count("samples", samples)
        check_not_negative("epsilon", epsilon)
        check_flag("standardised", standardised)
        self.samples, self.epsilon, self.standardised = samples, epsilon, standardised
        self._mean: Tensor | None = None
        self._whitening: Tensor | None = None

    @torch.no_grad()
    def fit(self, pixels: Tensor) -> None:
        rows = self._rows(pixels[spread(len(pixels), self.samples)])
        self._mean = rows.mean(0)
        centred = rows - self._mean
        variances, directions = torch.linalg.eigh(centred.T @ centred / max(len(rows) - 1, 1))
        scale = (variances.clamp(min=0.0) + self.epsilon).rsqrt()
        self._whitening = (directions * scale) @ directions.T

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        if self._mean is None or self._whitening is None:
            raise ValueError("encoder 'zca' whitens by images of training, but has seen none: call fit(pixels) first")
        rows = self._rows(pixels)
        check_shape("an image", rows[0], self._mean.shape, "fit the encoder to images of that size")
        white = ((rows - self._mean) @ self._whitening).view(pixels.shape)
        return white.expand(n_steps, *white.shape)

    def _rows(self, pixels: Tensor) -> Tensor:
        rows = pixels.flatten(1)
        if not self.standardised:
            return rows
        return (rows - rows.mean(1, keepdim=True)) / (rows.std(1, keepdim=True) + LEAST)
