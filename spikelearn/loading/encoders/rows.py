"""Row by row: a still image as a sequence of its lines, for networks that keep what they saw."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_finite
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_images


@ENCODERS.register("rows")
class Rows(Encoder):
    r"""One row of the image at a time as a current, from the top: $x[t]_j = k\,x_{\lfloor tH/T \rfloor,\,j}$.

    Each of the H rows is shown T/H steps, so that no step knows the image: a network has to remember. At T = H it is
    sequential ("row-wise") MNIST as recurrent networks are given it.

    Args:
        gain: k, unit of input per unit of intensity.

    Shapes: pixels [B, C, H, W] -> [T, B, C, 1, W], in the type of the pixels.

    Raises:
        ValueError: a gain that is no number; a number of steps that is no multiple of H.

    Source: Le, Jaitly & Hinton, arXiv 1504.00941, 2015, who show pixel by pixel. deviation: rows.
    """

    def __init__(self, gain: float = 1.0) -> None:
        check_finite("gain", gain)
        self.gain = gain

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], 1, *shape[2:])

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_images(pixels, "they have no rows, use the encoder direct")
        height = pixels.shape[2]
        if n_steps % height:
            raise ValueError(
                f"the image has {height} rows and n_steps is {n_steps}, expected a multiple of the rows, each of which "
                f"is shown equally long: take {height * max(1, round(n_steps / height))} steps"
            )
        scaled = pixels if self.gain == 1.0 else self.gain * pixels
        rows = scaled.permute(2, 0, 1, 3).unsqueeze(3)
        return torch.repeat_interleave(rows, n_steps // height, 0)
