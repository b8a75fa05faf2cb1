"""Delta coding: changes of an image that fades in and out, as ON and OFF."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities


@ENCODERS.register("delta")
class Delta(Encoder):
    r"""Changes of what is shown while the image fades in from black: spikes of ON and OFF, as a delta modulator sends.

    At step t the image is $s[t] = x\,\tfrac12(1 - \cos(2\pi (t + 1)/T))$: it rises to full intensity and falls back. A
    pixel that has moved by a threshold $\vartheta$ or more from its reference spikes, ON or OFF, and its reference
    moves by $\vartheta$ towards it, once a step.

    Args:
        threshold: $\vartheta$, unit of intensity.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, 2 C, H, W]: all channels ON, then all OFF.

    Raises:
        ValueError: ``threshold`` not positive; a pixel outside [0, 1].

    Source: delta modulation as in Petro, Kasabov & Kiss, IEEE TNNLS 31, 2020 (step-forward encoding); the fade is
    chosen here, for still images have no change of their own.
    """

    def __init__(self, threshold: float = 0.1) -> None:
        check_positive("threshold", threshold)
        self.threshold = threshold

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (2 * shape[0], *shape[1:])

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        shown = pixels.double()
        level = torch.zeros_like(shown)  # whole thresholds of the reference
        least = self.threshold * (1.0 - 1e-12)  # a change of exactly the threshold counts
        channels = shown.shape[1]
        spikes = torch.zeros(n_steps, len(shown), 2 * channels, *shown.shape[2:], dtype=torch.uint8)
        for spike, fade in zip(spikes.unbind(0), fades(n_steps).tolist(), strict=True):
            change = fade * shown - self.threshold * level
            up, down = change >= least, change <= -least
            level += up.double() - down.double()
            spike[:, :channels], spike[:, channels:] = up, down
        return spikes

    def decoded(self, spikes: Tensor) -> Tensor:
        """What was shown at every step, to within the threshold: [T, B, 2 C, ...] -> [T, B, C, ...]."""
        up, down = spikes.double().chunk(2, dim=2)
        return self.threshold * (up - down).cumsum(0)


def fades(n_steps: int) -> Tensor:
    """The share of its intensity that an image has at every step, [T]."""
    phase = torch.arange(1, n_steps + 1, dtype=torch.float64) / n_steps
    return 0.5 * (1.0 - torch.cos(2.0 * torch.pi * phase))
