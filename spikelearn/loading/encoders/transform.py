"""Transforms of intensities, which stand ahead of a code."""

from abc import abstractmethod

from torch import Tensor

from spikelearn.loading.encoders.base import Encoder, NoiseKey, check_intensities


class Transform(Encoder):
    """A map from intensities in [0, 1] to intensities in [0, 1]; ``Pipeline`` puts it ahead of a code.

    Alone it is an encoder too: what it makes is shown as a constant current.
    """

    @abstractmethod
    def transform(self, pixels: Tensor) -> Tensor:
        """Intensities [B, C, ...] of intensities; a sample's follow from that sample alone."""

    def __call__(self, pixels: Tensor, n_steps: int, indices: Tensor, key: NoiseKey) -> Tensor:
        check_intensities(pixels)
        changed = self.transform(pixels)
        return changed.expand(n_steps, *changed.shape)
