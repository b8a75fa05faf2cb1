"""Noise on what a network is shown, a function of (seed, split, epoch, sample) alone."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.loading.encoders.base import NoiseKey, check_intensities
from spikelearn.registry import Registry
from spikelearn.seeding import generator_for


class Noise(ABC):
    """A change of samples, each by random numbers of its own.

    A noise of pixels stands before the encoder of still images; one of spikes changes binary inputs, encoded or binned.
    """

    #: Whether it changes pixels; else it changes spikes.
    of_pixels: ClassVar[bool]

    def pixels(self, images: Tensor, indices: Tensor, key: NoiseKey) -> Tensor:
        """Images [B, C, H, W] of the samples ``indices`` with noise; intensities stay in [0, 1].

        Raises:
            ValueError: a pixel outside [0, 1].
        """
        check_intensities(images)
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
        noisy = torch.empty(record.shape, dtype=torch.uint8)
        for place, index in enumerate(indices.tolist()):
            noisy[:, place] = self._changed(record[:, place], generator_for(*key, index, name))
        return noisy

    @abstractmethod
    def _changed(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        """One sample, pixels [C, H, W] or spikes [T, ...], with noise from ``generator``."""


NOISES = Registry("noise", Noise)


def check_not_negative(name: str, value: float) -> None:
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} is {value!r}, expected a number of at least 0")
