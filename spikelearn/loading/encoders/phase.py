"""Phase coding: the bits of the intensity, the heaviest first, again and again."""

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey, check_intensities


@ENCODERS.register("phase")
class Phase(Encoder):
    r"""The bits of the intensity as spikes, one a step, in periods: step t has the weight $2^{-(1 + t \bmod K)}$.

    The intensity is rounded down to $k = \lfloor x\,2^K \rfloor$, at most $2^K - 1$; a spike at phase j stands for
    the bit $2^{K-1-j}$. With ``weighted`` a spike is handed over as its weight, so that a period's sum is
    $k\,2^{-K}$: neurons without phases of their own then receive the intensity.

    Args:
        bits: K, steps of a period.
        weighted: whether spikes have their weights; else they are 1.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W]; with ``weighted`` numbers, in the type of
        the pixels, dimensionless.

    Raises:
        ValueError: ``bits`` below 1 or above 24; a pixel outside [0, 1].

    Source: Kim, Kim, Huh, Lee & Choi, "Deep neural networks with weighted spikes", Neurocomputing 311, 2018.
    """

    def __init__(self, bits: int = 8, *, weighted: bool = False) -> None:
        check_count("bits", bits)
        if bits > 24:
            raise ValueError(f"bits is {bits}, expected 1 to 24, which single precision holds: take fewer")
        check_flag("weighted", weighted)
        self.bits, self.weighted = bits, weighted

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        check_intensities(pixels)
        level = (pixels.double() * 2**self.bits).long().clamp_(max=2**self.bits - 1)
        phase = torch.arange(n_steps) % self.bits
        places = (self.bits - 1 - phase).view(-1, *[1] * pixels.ndim)
        spikes = (level.unsqueeze(0) >> places) & 1
        if not self.weighted:
            return spikes.to(torch.uint8)
        return (spikes * 0.5 ** (1 + phase.double()).view_as(places)).to(pixels)

    def decoded(self, spikes: Tensor) -> Tensor:
        """The intensity of the first period of spikes of 0 and 1, [T, ...] -> [...]."""
        weights = 0.5 ** torch.arange(1, self.bits + 1, dtype=torch.float64)
        return torch.tensordot(weights, spikes[: self.bits].double(), 1)
