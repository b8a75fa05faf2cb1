"""Encoders: how a still image becomes a sequence."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_finite, check_fraction, check_positive
from spikelearn.registry import Registry
from spikelearn.seeding import generator_for

ENCODERS: Registry[type["Encoder"]] = Registry("encoder")

#: What the noise of a sample is a function of: (seed, "train" or "test", epoch).
NoiseKey = tuple[int | str, ...]


class Encoder(ABC):
    """A map from intensities in [0, 1] to [T, B, ...]; any noise is a function of (key, sample) alone.

    Spikes are handed over as bytes, uint8 of 0 and 1; currents in the type of the pixels.
    """

    @abstractmethod
    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        """Encode ``pixels`` [B, C, H, W] of the samples ``indices`` [B] into [T, B, C, H, W]."""


@ENCODERS.register("direct")
class Direct(Encoder):
    r"""The intensity itself as a constant input current, $x[t] = k\,(x - m)/s$; also called analog or constant coding.

    Args:
        gain: k, unit of input per unit of intensity.
        mean, std: m and s, by which intensities are normalised, unit of intensity (MNIST's are 0.1307 and 0.3081).

    Shapes: pixels [B, C, H, W] in 0..1 -> [T, B, C, H, W], stored once.

    Raises:
        ValueError: a gain or mean that is no number, a standard deviation not positive.

    Source: Rueckauer et al., Frontiers in Neuroscience 11, 2017.
    """

    def __init__(self, gain: float = 1.0, *, mean: float = 0.0, std: float = 1.0) -> None:
        check_finite("gain", gain)
        check_finite("mean", mean)
        check_positive("std", std)
        self.gain, self.mean, self.std = gain, mean, std

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        scaled = pixels if self.mean == 0.0 and self.std == 1.0 else (pixels - self.mean) / self.std
        scaled = scaled if self.gain == 1.0 else self.gain * scaled
        return scaled.expand(n_steps, *scaled.shape)


@ENCODERS.register("rate")
class BernoulliRate(Encoder):
    r"""Independent spikes with a probability per step equal to the intensity, $P(x[t] = 1) = p_{max}\,x$.

    Args:
        max_rate: $p_{max}$, spikes per step at intensity 1, in [0, 1].

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``max_rate`` outside [0, 1].

    Source: standard; Heeger, "Poisson model of spike generation", 2000, for small p.
    """

    def __init__(self, max_rate: float = 1.0) -> None:
        check_fraction("max_rate", max_rate)
        self.max_rate = max_rate

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        spikes = torch.empty(n_steps, *pixels.shape, dtype=torch.uint8)
        rate = self.max_rate * pixels
        for place, index in enumerate(indices.tolist()):
            noise = torch.rand(n_steps, *pixels.shape[1:], generator=generator_for(*key, index))
            spikes[:, place] = noise.to(rate.dtype) < rate[place]
        return spikes


@ENCODERS.register("common-threshold")
class CommonThreshold(Encoder):
    r"""Spikes where the intensity exceeds a random threshold that all pixels share, $x[t] = 1$ iff $r[t] < x$.

    Per pixel the rate is the intensity, as with independent spikes, but the pixels of a step agree: what differs from
    step to step is where the image is cut.

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program. deviation: one threshold per sample and step,
    $r[t] \sim U[0, 1)$; theirs is shared by the samples of a batch as well.
    """

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        drawn = [torch.rand(n_steps, generator=generator_for(*key, index)) for index in indices.tolist()]
        thresholds = torch.stack(drawn, dim=1).to(pixels.dtype).view(n_steps, -1, 1, 1, 1)
        return (thresholds < pixels).view(torch.uint8)


@ENCODERS.register("latency")
class Latency(Encoder):
    r"""One spike a pixel, the earlier the brighter: at step $\mathrm{round}((1 - x)(T - 1))$.

    Args:
        threshold: intensities at or below it never spike; in [0, 1].

    Shapes: pixels [B, C, H, W] in 0..1 -> spikes as bytes [T, B, C, H, W].

    Raises:
        ValueError: ``threshold`` outside [0, 1].

    Source: Thorpe, Delorme & Van Rullen, Neural Networks 14, 2001; linear time code as in snnTorch's ``latency``.
    """

    def __init__(self, threshold: float = 0.01) -> None:
        check_fraction("threshold", threshold)
        self.threshold = threshold

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_count("n_steps", n_steps)
        when = ((1.0 - pixels) * (n_steps - 1)).round().long().unsqueeze(0)
        spikes = torch.zeros(n_steps, *pixels.shape, dtype=torch.uint8)
        return spikes.scatter_(0, when, (pixels > self.threshold).view(torch.uint8).unsqueeze(0))
