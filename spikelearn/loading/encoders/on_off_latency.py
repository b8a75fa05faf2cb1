"""Contrasts by on- and off-centre cells, in the order of their strength."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_fraction, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_images, check_intensities


@ENCODERS.register("on-off-latency")
class OnOffLatency(Encoder):
    r"""One spike for every contrast of an image, the strongest first, as many in each step.

    $$c = k * x, \qquad k(r) = \frac{1}{2\pi} \Big(\frac{1}{\sigma_c^2} e^{-r^2/2\sigma_c^2}
      - \frac{1}{\sigma_s^2} e^{-r^2/2\sigma_s^2}\Big)$$

    less its mean over the window and over its largest value, so that even areas have none. On-centre cells see c and
    off-centre cells -c. Of the n contrasts of an image above ``threshold`` that of rank i, from 0 for the strongest,
    is a spike at step $\lfloor i\,T/n \rfloor$: their order counts, and not how strong they are.

    Args:
        sigma_centre, sigma_surround: widths $\sigma_c$ and $\sigma_s$ of the two Gaussians, pixels.
        size: edge of the window of the filter, an odd number of pixels; outside of the image there is 0.
        threshold: contrast at or below which a cell does not spike, unit of intensity, in [0, 1].

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, 2 C, H, W], on-centre cells before off-centre ones.

    Raises:
        ValueError: a width not positive, a surround not wider than the centre, an even window, a threshold or a pixel
            outside [0, 1], samples that are no images.

    Source: Kheradpisheh, Ganjtabesh, Thorpe & Masquelier, Neural Networks 99, 2018, section 2.1; steps of equally many
    spikes as in Mozafari, Ganjtabesh, Nowzari-Dalini & Masquelier, Frontiers in Neuroscience 13, 2019. deviation:
    contrasts are not normalised by those around them; spikes that do not fill a step are sent, too.
    """

    def __init__(
        self, sigma_centre: float = 1.0, sigma_surround: float = 2.0, *, size: int = 7, threshold: float = 0.1
    ) -> None:
        check_positive("sigma_centre", sigma_centre, "pixels")
        check_positive("sigma_surround", sigma_surround, "pixels")
        check_count("size", size, least=3)
        check_fraction("threshold", threshold)
        if size % 2 == 0 or sigma_surround <= sigma_centre:
            raise ValueError(
                f"size is {size}, sigma_centre {sigma_centre} and sigma_surround {sigma_surround}, expected an odd "
                "size and a surround that is wider than the centre"
            )
        self.sigma_centre, self.sigma_surround, self.size, self.threshold = (
            sigma_centre,
            sigma_surround,
            size,
            threshold,
        )

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        channels, *places = shape
        return 2 * channels, *places

    def kernel(self) -> Tensor:
        """k, [size, size], float64."""
        place = torch.arange(self.size, dtype=torch.float64) - self.size // 2
        squared = place.square().unsqueeze(1) + place.square()
        centre, surround = (
            torch.exp(-squared / (2.0 * sigma**2)) / sigma**2 for sigma in (self.sigma_centre, self.sigma_surround)
        )
        difference = centre - surround
        difference = difference - difference.mean()
        return difference / difference.max()

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_images(pixels, "choose another code")
        check_intensities(pixels)
        channels = pixels.shape[1]
        kernel = self.kernel().to(pixels.dtype).expand(channels, 1, self.size, self.size)
        contrast = F.conv2d(pixels, kernel, padding=self.size // 2, groups=channels)
        both = torch.cat([contrast, -contrast], 1)
        cells = both.flatten(1)
        rank = cells.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        seen = cells > self.threshold
        when = (rank * n_steps).div(seen.sum(1, keepdim=True).clamp(min=1), rounding_mode="floor")
        spikes = torch.zeros(n_steps, *both.shape, dtype=torch.uint8)
        places = when.clamp_(max=n_steps - 1).view_as(both).unsqueeze(0)
        return spikes.scatter_(0, places, seen.view(torch.uint8).view_as(both).unsqueeze(0))
