"""Logistic function."""

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_positive
from spikelearn.neurons.activations.base import ACTIVATIONS, Elementwise


@ACTIVATIONS.register("sigmoid")
class Logistic(Elementwise):
    r"""Logistic function, $\phi(a) = 1 / (1 + e^{-k(a - a_0)})$, of slope $k\,\phi(1 - \phi)$.

    Equilibrium propagation takes k = 4 and $a_0$ = 0.5.

    Args:
        gain: k, per unit of current.
        shift: $a_0$, the current at which the output is 0.5.

    Shapes: current a and output [B, ...].

    Raises:
        ValueError: a gain that is not positive, a shift that is not finite.

    Source: standard; gain and shift: Ernoult et al., NeurIPS 2019.
    """

    def __init__(self, gain: float = 1.0, shift: float = 0.0) -> None:
        check_positive("gain", gain)
        check_finite("shift", shift)
        self.gain, self.shift = gain, shift

    @property
    def signed(self) -> bool:
        return False

    def __call__(self, current: Tensor) -> Tensor:
        return (current - self.shift).mul_(self.gain).sigmoid_()

    def derivative(self, current: Tensor) -> Tensor:
        output = self(current)
        return self.gain * output * (1.0 - output)

    def vjp_at(self, current: Tensor, output: Tensor, error: Tensor) -> Tensor:
        carried: Tensor = torch.ops.aten.sigmoid_backward(error, output)
        return carried if self.gain == 1.0 else carried.mul_(self.gain)
