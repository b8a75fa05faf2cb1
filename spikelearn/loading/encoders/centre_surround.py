"""Differences of Gaussians, as cells of the retina answer."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.loading.encoders.base import ENCODERS, check_images
from spikelearn.loading.encoders.transform import Transform


@ENCODERS.register("centre-surround")
class CentreSurround(Transform):
    r"""Local contrast as ON and OFF cells of the retina see it: the difference of two Gaussian means of the image.

    $$d = G_{\sigma_1} * x - G_{\sigma_2} * x, \qquad \mathrm{on} = \max(d, 0)/m, \quad
    \mathrm{off} = \max(-d, 0)/m,$$

    with m the largest $|d|$ of the image, where that is not below ``floor``; weights reach $3 \sigma$, sum to 1, and
    beyond the edge the pixel at the edge goes on. Behind it a time code tells the strongest contrast first.

    Args:
        centre: $\sigma_1$, pixels.
        surround: $\sigma_2$, pixels, above ``centre``.
        floor: difference below which the image counts as even, unit of intensity.

    Shapes: intensities [B, C, H, W] in 0..1 -> [B, 2 C, H, W]: all channels ON, then all OFF.

    Raises:
        ValueError: a value that is not positive, a surround not wider than the centre; images without rows and columns;
            a pixel outside [0, 1].

    Source: Rodieck, Vision Research 5, 1965; ahead of a latency code as in Kheradpisheh et al., Neural Networks 99,
    2018. deviation: they take windows of a fixed size and a threshold in place of m.
    """

    def __init__(self, centre: float = 1.0, *, surround: float = 2.0, floor: float = 1e-6) -> None:
        for name, value in (("centre", centre), ("surround", surround), ("floor", floor)):
            check_positive(name, value)
        if surround <= centre:
            raise ValueError(f"surround is {surround} pixels, expected more than the centre's {centre}")
        self.centre, self.surround, self.floor = centre, surround, floor

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (2 * shape[0], *shape[1:])

    def transform(self, pixels: Tensor) -> Tensor:
        check_images(pixels, "leave centre-surround out")
        image = pixels.double()
        difference = _mean(image, self.centre) - _mean(image, self.surround)
        most = difference.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
        scaled = difference / most.where(most >= self.floor, torch.inf)
        return torch.cat([scaled.clamp(min=0.0), (-scaled).clamp(min=0.0)], dim=1).to(pixels)


def _mean(image: Tensor, sigma: float) -> Tensor:
    """The Gaussian mean around every pixel."""
    return _weights(image.shape[2], sigma) @ image @ _weights(image.shape[3], sigma).T


def _weights(size: int, sigma: float) -> Tensor:
    """Weights [seen, of] of one axis, what lies beyond the edge given to the pixel at the edge."""
    reach = round(3 * sigma + 0.5)
    offset = torch.arange(-reach, reach + 1)
    weight = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    place = (torch.arange(size).unsqueeze(1) + offset).clamp(0, size - 1)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, place, (weight / weight.sum()).expand_as(place))
