"""Absolute value."""

from torch import Tensor

from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("abs")
class Abs(Elementwise):
    r"""Absolute value, $\phi(a) = |a|$, of slope sign(a); 0 at 0.

    Shapes: current a and output [B, ...], dimensionless.

    Source: standard.
    """

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        return current.abs()

    def derivative(self, current: Tensor) -> Tensor:
        return current.sign()
