"""Rectified linear unit."""

from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("relu")
class ReLU(Elementwise):
    r"""Rectification, $\phi(a) = \max(a, 0)$; the slope at 0 is 0.

    Shapes: current a and output [B, ...], dimensionless.

    Source: Nair & Hinton, ICML 2010.
    """

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        return current.relu()

    def derivative(self, current: Tensor) -> Tensor:
        return (current > 0).to(current.dtype)
