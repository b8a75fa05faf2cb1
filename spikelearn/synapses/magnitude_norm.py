"""Standardised magnitudes, as long as what arrives."""

import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, check_fraction

#: Least variance by which a magnitude is divided, square of the unit of what arrives.
LEAST = 1e-5


class MagnitudeNorm(nn.Module):
    r"""Magnitudes compared with what they usually are, in a vector as long as the one that arrives.

    $$z = \frac{|y| - m}{\sqrt{\max(s^2, 10^{-5})}}, \qquad h = |\!|y|\!|\,\frac{z}{|\!|z|\!|}$$

    with running mean m and variance $s^2$ of every unit's magnitude, as they were before the call. In training mode
    they then become $m \leftarrow \lambda m + (1-\lambda)\overline{|y|}$ and
    $s^2 \leftarrow \lambda s^2 + (1-\lambda)\overline{(|y| - m)^2}$ with the new m, means over the batch.

    Args:
        units: number of values of a sample.
        decay: $\lambda$ per call, in [0, 1].

    Shapes: [B, units], kept.

    Raises:
        ValueError: no unit, a decay outside [0, 1].

    Source: Zhou, arXiv 2209.13400, 2022, the author's program, whose statistics start at 0 and 0.1.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, units: int, decay: float = 0.995) -> None:
        super().__init__()
        check_count("units", units)
        check_fraction("decay", decay)
        self.decay = decay
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("variance", torch.full((units,), 0.1))

    def forward(self, y: Tensor) -> Tensor:
        size = y.abs()
        z = (size - self.mean) / self.variance.clamp(min=LEAST).sqrt()
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(size.mean(0), 1.0 - self.decay)
                self.variance.lerp_((size - self.mean).square().mean(0), 1.0 - self.decay)
        length = z.norm(dim=1, keepdim=True)
        return y.norm(dim=1, keepdim=True) * z / torch.where(length > 0, length, 1.0)

    def extra_repr(self) -> str:
        return f"{len(self.mean)}, decay={self.decay}"
