"""Adamax, torch's."""

from collections.abc import Iterable

from torch import Tensor, optim

from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory


@OPTIMIZERS.register("adamax")
class AdamaxFactory(OptimizerFactory):
    r"""Steps of the running mean gradient over a running largest size, the mean corrected for its start.

    $$u \leftarrow \max(\beta_2 u,\ |g| + \mathrm{eps}), \qquad W \leftarrow W - \mathrm{lr}\;\hat m / u$$

    With $\beta_1$ 0 and a gradient that keeps its size a step is lr by sign.

    Args:
        betas: decays per step of the running mean m and of the largest size u, each in [0, 1).
        eps: keeps the quotient finite, unit of gradient.
        weight_decay: part of the weight that is added to its gradient, unit of gradient per unit of weight.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Kingma & Ba, ICLR 2015; torch's ``Adamax``.
    """

    usual_lr = 2e-3

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0) -> None:
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return optim.Adamax(parameters, lr, self.betas, self.eps, self.weight_decay)
