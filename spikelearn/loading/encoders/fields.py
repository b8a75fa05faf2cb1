"""Receptive fields over the intensity."""

from torch import Tensor

from spikelearn.loading.encoders.base import ENCODERS
from spikelearn.loading.encoders.population import Population
from spikelearn.loading.encoders.transform import Transform


@ENCODERS.register("receptive-fields")
class ReceptiveFields(Transform):
    r"""Each pixel as the answers of n neurons with Gaussian receptive fields over the intensity.

    The answers are those of ``population``, $a_i = e^{-(x - c_i)^2/(2\sigma^2)}$; what follows says how they become
    spikes: ``receptive-fields/latency:threshold=0.1`` is ``population``, ``receptive-fields/phase`` tells them in bits.

    Args:
        neurons: n, 3 or more.
        beta: how narrow the fields are, dimensionless.

    Shapes: intensities [B, C, ...] in 0..1 -> [B, n C, ...], the n neurons of a channel one after another.

    Raises:
        ValueError: fewer than 3 neurons; ``beta`` not positive; a pixel outside [0, 1].

    Source: Bohte, La Poutre & Kok, IEEE Transactions on Neural Networks 13, 2002.
    """

    def __init__(self, neurons: int = 8, *, beta: float = 1.5) -> None:
        self.population = Population(neurons, beta=beta)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.population.shape_of(shape)

    def transform(self, pixels: Tensor) -> Tensor:
        return self.population.answers(pixels).flatten(1, 2).to(pixels)
