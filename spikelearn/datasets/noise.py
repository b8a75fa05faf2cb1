"""Noise on what a network is shown, a function of (seed, split, epoch, sample) alone."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_fraction
from spikelearn.datasets.encoders import NoiseKey
from spikelearn.registry import Registry, parse_component
from spikelearn.seeding import generator_for

NOISES: Registry[type["Noise"]] = Registry("noise")


class Noise(ABC):
    """A change of samples, each by random numbers of its own.

    A noise of pixels stands before the encoder of still images; one of spikes changes binary inputs, encoded or binned.
    """

    #: Whether it changes pixels; else it changes spikes.
    of_pixels: ClassVar[bool]

    def pixels(self, images: Tensor, indices: Tensor, key: NoiseKey) -> Tensor:
        """Images [B, C, H, W] of the samples ``indices`` with noise; intensities stay in [0, 1]."""
        name = NOISES.name_of(type(self))
        drawn = [
            self._changed(one, generator_for(*key, i, name)) for one, i in zip(images, indices.tolist(), strict=True)
        ]
        return torch.stack(drawn)

    def spikes(self, record: Tensor, indices: Tensor, key: NoiseKey) -> Tensor:
        """Spikes [T, B, ...] of the samples ``indices`` with noise, bytes of 0 and 1.

        Raises:
            ValueError: currents in place of spikes.
        """
        name = NOISES.name_of(type(self))
        if record.is_floating_point():
            raise ValueError(
                f"noise {name!r} changes spikes, but the inputs are currents: choose an encoder that gives spikes "
                "(--encoder rate), or a noise of pixels (gaussian, salt-and-pepper)"
            )
        found = torch.empty(record.shape, dtype=torch.uint8)
        for place, index in enumerate(indices.tolist()):
            found[:, place] = self._changed(record[:, place], generator_for(*key, index, name))
        return found

    @abstractmethod
    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        """One sample, pixels [C, H, W] or spikes [T, ...], with noise from ``generator``."""


@NOISES.register("gaussian")
class Gaussian(Noise):
    r"""Normal noise on every pixel, clipped: $\mathrm{clip}(x + \mathrm{sd}\,\mathcal N(0, 1), 0, 1)$.

    Args:
        sd: standard deviation, unit of intensity.

    Shapes: images [B, C, H, W] in 0..1 -> the same.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard; Hendrycks & Dietterich, ICLR 2019.
    """

    of_pixels = True

    def __init__(self, sd: float) -> None:
        _check_not_negative("sd", sd)
        self.sd = sd

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        return (sample + self.sd * torch.randn(sample.shape, generator=generator, dtype=sample.dtype)).clamp(0.0, 1.0)


@NOISES.register("salt-and-pepper")
class SaltAndPepper(Noise):
    """Some values become 0 or 1, with equal probability.

    Args:
        share: probability of a value to be changed, in [0, 1].

    Shapes: images [B, C, H, W] in 0..1 -> the same.

    Raises:
        ValueError: ``share`` outside [0, 1].

    Source: standard; Hendrycks & Dietterich, ICLR 2019 ("impulse noise").
    """

    of_pixels = True

    def __init__(self, share: float) -> None:
        check_fraction("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(sample.shape, generator=generator, dtype=sample.dtype)
        salted = torch.where(drawn < self.share, torch.ones_like(sample), sample)
        return torch.where(drawn < self.share / 2, torch.zeros_like(sample), salted)


@NOISES.register("jitter")
class Jitter(Noise):
    r"""Every spike moves by $\mathrm{round}(\mathrm{sd}\,\mathcal N(0, 1))$ steps.

    Both ends of the presentation reflect, so no spike leaves it; spikes of one place that meet become one.

    Args:
        sd: standard deviation, steps, dimensionless.

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``sd`` negative.

    Source: standard; as tonic's ``TimeJitter``, on binned time. deviation: there events may leave.
    """

    of_pixels = False

    def __init__(self, sd: float) -> None:
        _check_not_negative("sd", sd)
        self.sd = sd

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        n_steps = len(sample)
        flat = sample.reshape(n_steps, -1)
        times, places = flat.nonzero(as_tuple=True)
        moves = (self.sd * torch.randn(len(times), generator=generator, dtype=torch.float64)).round().long()
        folded = (times + moves) % (2 * n_steps)
        found = torch.zeros_like(flat)
        found[torch.minimum(folded, 2 * n_steps - 1 - folded), places] = 1
        return found.view_as(sample)


@NOISES.register("deletion")
class Deletion(Noise):
    """Every spike is lost with one probability.

    Args:
        share: that probability, in [0, 1].

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``share`` outside [0, 1].

    Source: standard; as tonic's ``DropEvent``.
    """

    of_pixels = False

    def __init__(self, share: float) -> None:
        check_fraction("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        places = sample.nonzero(as_tuple=True)
        stays = torch.rand(len(places[0]), generator=generator) >= self.share
        return torch.zeros_like(sample).index_put_(places, stays.to(sample.dtype))


@NOISES.register("insertion")
class Insertion(Noise):
    """Spikes appear anywhere, so many for each that is there.

    Every place and step without a spike gets one with the same probability, such that on average ``share`` times as
    many come as the sample has (or all that there is room for).

    Args:
        share: spikes that come per spike that is there, at least 0.

    Shapes: spikes [T, B, ...] -> the same, bytes.

    Raises:
        ValueError: ``share`` negative.

    Source: standard; as tonic's ``UniformNoise``, in proportion to the sample.
    """

    of_pixels = False

    def __init__(self, share: float) -> None:
        _check_not_negative("share", share)
        self.share = share

    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        spikes = int(sample.count_nonzero())
        probability = self.share * spikes / max(sample.numel() - spikes, 1)
        comes = torch.rand(sample.shape, generator=generator) < probability
        return torch.maximum(sample.to(torch.uint8), comes.view(torch.uint8))


def noise_from(text: str) -> Noise:
    """A noise as the command line writes it, for example ``gaussian:sd=0.3``."""
    name, options = parse_component(text)
    noise: Noise = NOISES.build(name, options)
    return noise


def _check_not_negative(name: str, value: float) -> None:
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} is {value!r}, expected a number of at least 0")
