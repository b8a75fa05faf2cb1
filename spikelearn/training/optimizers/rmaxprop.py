"""Steps over the root of the largest recent square, which SuperSpike takes."""

from collections.abc import Iterable

import torch
from torch import Tensor, optim

from spikelearn.checks import check_fraction, check_positive
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, OverSquares


class RMaxProp(OverSquares):
    r"""Steps divided by the root of the largest recent square.

    $$v \leftarrow \max(\gamma\, v, g^2), \qquad W \leftarrow W - \mathrm{lr}\; g / (\sqrt v + \mathrm{eps})$$

    No step is larger than lr.

    Args:
        params: what is optimised.
        lr: learning rate, unit of weight.
        decay: $\gamma$ per step, in [0, 1).
        eps: keeps the divisor from 0, unit of g.

    Raises:
        ValueError: a value out of range.

    Source: Zenke & Ganguli, Neural Computation 30, 2018.
    """

    start = 0.0

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, decay: float = 0.983, eps: float = 1e-12) -> None:
        super().__init__(params, lr, decay, eps)

    def divisor(self, square: Tensor, grad: Tensor, decay: float, eps: float) -> Tensor:
        return torch.maximum(square.mul_(decay), grad * grad, out=square).sqrt().add_(eps)


@OPTIMIZERS.register("rmaxprop")
class RMaxPropFactory(OptimizerFactory):
    r"""Steps divided by the root of the largest recent square (``RMaxProp``).

    $$v \leftarrow \max(\gamma\, v, g^2), \qquad W \leftarrow W - \mathrm{lr}\; g / (\sqrt v + \mathrm{eps})$$

    Args:
        decay: $\gamma$ per step, in [0, 1); the default is $e^{-0.5/30}$, half a second of 30.
        eps: keeps the divisor from 0, unit of g.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Zenke & Ganguli, Neural Computation 30, 2018.
    """

    usual_lr = 1e-3

    def __init__(self, decay: float = 0.983, eps: float = 1e-12) -> None:
        check_fraction("decay", decay, below_one=True)
        check_positive("eps", eps)
        self.decay, self.eps = decay, eps

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return RMaxProp(parameters, lr, self.decay, self.eps)
