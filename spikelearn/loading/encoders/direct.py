"""Direct coding: the intensity as a constant current."""

from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.loading.encoders.base import ENCODERS, Encoder, NoiseKey


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

    def decoded(self, currents: Tensor) -> Tensor:
        """The intensity of a current, [T, ...] -> [...]."""
        return currents[0] / self.gain * self.std + self.mean
