"""The step function that a neuron fires with, and the derivative that it pretends to have."""

from collections.abc import Callable

from torch import Tensor

from spikelearn.fast_path import is_plain

Derivative = Callable[[Tensor], Tensor]


class SpikeFunction:
    r"""Heaviside step $z = \Theta(x)$ whose derivative is replaced by $\psi(x)$.

    Built of plain operations, $z = \Theta(x) + \psi(x)\,(x - x)$ with the first factor and the second x held
    constant, so values are exactly 0 or 1 and reverse mode, forward mode and nesting all work.

    Args:
        derivative: $\psi$, dimensionless per unit of potential; None: no derivative at all.
        reset_gradient: whether the reset term is differentiated too (False: "detached reset").

    Shapes: x and z [...] alike.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019.
    """

    def __init__(self, derivative: Derivative | None, *, reset_gradient: bool = False) -> None:
        self.derivative, self.reset_gradient = derivative, reset_gradient

    def __call__(self, x: Tensor, inclusive: bool = False) -> Tensor:
        """Spikes where x > 0, or x >= 0 with ``inclusive``."""
        hard = (x >= 0 if inclusive else x > 0).to(x.dtype)
        if self.derivative is None or (is_plain(x) and not x.requires_grad):
            return hard
        return hard + self.derivative(x.detach()).detach() * (x - x.detach())

    def __repr__(self) -> str:
        return f"SpikeFunction({self.derivative!r}, reset_gradient={self.reset_gradient})"


#: Fires without any derivative: simulation, evaluation, local rules.
HARD = SpikeFunction(None)
