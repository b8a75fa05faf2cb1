"""Inhibition of a layer's neurons by each other, of one strength."""

from torch import Tensor, nn

from spikelearn.checks import check_positive


class LateralInhibition(nn.Module):
    r"""Every spike lowers the current of the other neurons, $I_j = -g \sum_{i \ne j} z_i$, at a cost that follows them.

    As a feedback edge of a block to itself it makes neurons of any model compete, one step late: the larger g, the
    fewer fire. In an image the maps compete at each place. Nothing learns. Neurons that compete within the step are
    ``WinnerTakeAllLIF``.

    Args:
        strength: g, unit of current per spike, above 0.

    Shapes: spikes [B, n, ...], competition along n; the current has the same shape.

    Raises:
        ValueError: a strength not positive.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015, as one edge in place of one inhibitory neuron
    for each excitatory one.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        check_positive("strength", strength)
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        return self.strength * (x - x.sum(1, keepdim=True))

    def extra_repr(self) -> str:
        return f"{self.strength:g}"
