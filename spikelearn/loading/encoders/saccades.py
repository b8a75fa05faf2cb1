"""A still image as a simulated event camera sees it that moves in front of it."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_images, check_intensities

#: Corners of the way, unit of the amplitude: right and down, right and up, back left, as N-MNIST's triangle.
CORNERS = ((0.0, 0.0), (0.5, 1.0), (1.0, 0.0), (0.0, 0.0))


@ENCODERS.register("saccades")
class Saccades(Encoder):
    r"""Events of three straight saccades in front of the image, a step at a time.

    The image, bilinear between its pixels and black outside, moves along a triangle and is where it was at the end. A
    pixel's log intensity is $l = \ln(x + b)$; where it has risen (fallen) by the contrast $\vartheta$ or more since the
    pixel's last event it spikes ON (OFF), once a step at most, and its reference moves by all whole $\vartheta$ passed.

    Args:
        contrast: $\vartheta$, change of log intensity that makes an event, dimensionless.
        amplitude: length of the way to the right and down, pixels.
        black: b, intensity of darkness, so that its logarithm exists.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, 2 C, H, W]: all channels OFF, then all ON.

    Raises:
        ValueError: a value that is not positive; images without rows and columns; a pixel outside [0, 1].

    Source: saccades: Orchard et al., Frontiers in Neuroscience 9, 2015; event model: Rebecq, Gehrig & Scaramuzza, CoRL
    2018 (ESIM). deviation: log intensity is looked at once a step.
    """

    def __init__(self, contrast: float = 0.25, *, amplitude: float = 2.0, black: float = 0.1) -> None:
        for name, value in (("contrast", contrast), ("amplitude", amplitude), ("black", black)):
            check_positive(name, value)
        self.contrast, self.amplitude, self.black = contrast, amplitude, black

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (2 * shape[0], *shape[1:])

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        check_images(pixels, "choose another code")
        image = pixels.double()
        channels = image.shape[1]
        reference = torch.log(image + self.black)
        spikes = torch.zeros(n_steps, len(image), 2 * channels, *image.shape[2:], dtype=torch.uint8)
        for spike, (dx, dy) in zip(spikes.unbind(0), way(n_steps, self.amplitude), strict=True):
            seen = torch.log(_moved(image, dx, dy) + self.black)
            # A change of exactly the contrast must not fall short of it by a rounding.
            crossings = torch.trunc((seen - reference) / self.contrast * (1.0 + 1e-12))
            reference += crossings * self.contrast
            spike[:, :channels], spike[:, channels:] = crossings < 0, crossings > 0
        return spikes


def way(n_steps: int, amplitude: float) -> list[tuple[float, float]]:
    """Displacement (x, y) of the image at the end of every step, pixels."""
    places = []
    for step in range(1, n_steps + 1):
        leg = min(3 * step // n_steps, 2)
        share = 3 * step / n_steps - leg
        (x0, y0), (x1, y1) = CORNERS[leg], CORNERS[leg + 1]
        places.append((amplitude * (x0 + share * (x1 - x0)), amplitude * (y0 + share * (y1 - y0))))
    return places


def _moved(image: Tensor, dx: float, dy: float) -> Tensor:
    """The image moved right by dx and down by dy, bilinear, black where nothing was."""
    rows, columns = _weights(image.shape[2], dy), _weights(image.shape[3], dx)
    return rows @ image @ columns.T


def _weights(size: int, shift: float) -> Tensor:
    """Bilinear weights [seen, of]; what lies outside is black."""
    place = torch.arange(size, dtype=torch.float64)
    return (1.0 - (place[:, None] - shift - place[None, :]).abs()).clamp(min=0.0)
