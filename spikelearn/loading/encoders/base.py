"""Encoders: how a still image becomes a sequence."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from spikelearn.registry import Registry

#: What the noise of a sample is a function of: (seed, "train" or "test", epoch).
NoiseKey = tuple[int | str, ...]


class Encoder(ABC):
    """A map from intensities in [0, 1] to [T, B, ...]; any noise is a function of (key, sample) alone.

    Spikes are handed over as bytes, uint8 of 0 and 1; currents in the type of the pixels.
    """

    #: Images of training that it looks at, at most, before it encodes any.
    samples: int = 0

    def fit(self, pixels: Tensor) -> None:
        """Look at images of training, ``pixels`` [N, C, H, W]; by default nothing is learned of them."""

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a step of encoded samples of ``shape``."""
        return shape

    @abstractmethod
    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        """Encode ``pixels`` [B, C, H, W] of the samples ``indices`` [B] into [T, B, ...], a step of ``shape_of``."""


ENCODERS = Registry("encoder", Encoder)


def check_intensities(pixels: Tensor) -> None:
    """Raise ValueError unless all ``pixels`` lie in [0, 1], for which codes of spikes and noises of pixels are made."""
    lowest, highest = (float(end) for end in torch.aminmax(pixels))
    if not 0.0 <= lowest <= highest <= 1.0:
        raise ValueError(
            f"pixels go from {lowest:g} to {highest:g}, expected intensities in [0, 1]: scale the data, or show them "
            "as currents (encoder direct, without a noise of pixels)"
        )


def check_images(pixels: Tensor, cure: str) -> None:
    """Raise ValueError unless ``pixels`` are [B, C, H, W]; ``cure`` is what to do with samples of another form."""
    if pixels.ndim != 4:
        raise ValueError(f"samples have shape {list(pixels.shape[1:])}, expected images [C, H, W]: {cure}")


def spread(count: int, most: int) -> Tensor:
    """Places of at most ``most`` of ``count`` samples, spread evenly, int64."""
    taken = min(count, most)
    return torch.arange(taken) * count // max(taken, 1)
