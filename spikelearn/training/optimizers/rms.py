"""Steps over a running square that starts at 1, which EMSTDP takes."""

from collections.abc import Iterable

from torch import Tensor, optim

from spikelearn.checks import check_fraction, check_positive
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, OverSquares


class UnitRMS(OverSquares):
    r"""Steps divided by the root of a running square that starts at 1.

    $$R \leftarrow \rho R + (1 - \rho) g^2, \qquad W \leftarrow W - \mathrm{lr}\; g / \sqrt{R + \mathrm{eps}}$$

    At first a step is about lr g; where g is small it grows, as R forgets its start, into one of about lr.

    Args:
        params: what is optimised.
        lr: learning rate, unit of weight per unit of g / sqrt(R).
        decay: $\rho$ per step, in [0, 1).
        eps: keeps the root from 0, unit of g squared.

    Raises:
        ValueError: a value out of range.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program.
    """

    start = 1.0

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, decay: float = 0.9, eps: float = 1e-8) -> None:
        super().__init__(params, lr, decay, eps)

    def divisor(self, square: Tensor, grad: Tensor, decay: float, eps: float) -> Tensor:
        return (square.mul_(decay).addcmul_(grad, grad, value=1.0 - decay) + eps).sqrt_()


@OPTIMIZERS.register("rms")
class RMSFactory(OptimizerFactory):
    r"""Steps divided by the root of a running square that starts at 1 (``UnitRMS``).

    $$R \leftarrow \rho R + (1 - \rho) g^2, \qquad W \leftarrow W - \mathrm{lr}\; g / \sqrt{R + \mathrm{eps}}$$

    Args:
        decay: $\rho$ per step, in [0, 1).
        eps: keeps the root from 0, unit of g squared.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019, the authors' program.
    """

    usual_lr = 1e-3

    def __init__(self, decay: float = 0.9, eps: float = 1e-8) -> None:
        check_fraction("decay", decay, below_one=True)
        check_positive("eps", eps)
        self.decay, self.eps = decay, eps

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return UnitRMS(parameters, lr, self.decay, self.eps)
