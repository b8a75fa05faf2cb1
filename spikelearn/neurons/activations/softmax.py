"""Soft competition among all units of a layer."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, UNITS, Layerwise


@ACTIVATIONS.register("softmax")
class Softmax(Layerwise):
    r"""Softmax over the units of a layer, $\phi(a)_i = e^{k a_i} / \sum_j e^{k a_j}$; the outputs sum to 1.

    In an image the maps compete at every place by itself. An error q at the outputs is
    $k\,\phi_i\,(q_i - \sum_j \phi_j q_j)$ at the currents.

    Args:
        gain: k, inverse temperature, per unit of current.

    Shapes: current a and output [B, n, ...], the sum over n.

    Raises:
        ValueError: a gain that is not positive.

    Source: Bridle, NeurIPS 1989; as competition between neurons: Moraitis et al., Neuromorphic Computing and
    Engineering 2, 2022.
    """

    def __init__(self, gain: float = 1.0) -> None:
        check_positive("gain", gain)
        self.gain = gain

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        return (self.gain * current).softmax(UNITS)

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        output = self(current)
        return self.gain * output * (error - (output * error).sum(UNITS, keepdim=True))
