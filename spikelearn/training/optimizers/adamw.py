"""AdamW, torch's."""

from collections.abc import Iterable

from torch import Tensor, optim

from spikelearn.training.optimizers.adam import AdamFactory
from spikelearn.training.optimizers.base import OPTIMIZERS


@OPTIMIZERS.register("adamw")
class AdamWFactory(AdamFactory):
    r"""Adam whose weights shrink by themselves, $W \leftarrow (1 - \mathrm{lr}\,\lambda)\,W$ before every step.

    Args:
        betas: decays per step of the running mean and of the running square, each in [0, 1).
        eps: keeps the quotient finite, unit of gradient.
        weight_decay: $\lambda$, shrinkage per step and unit of learning rate, dimensionless.
        amsgrad: divide by the largest running square so far.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Loshchilov & Hutter, ICLR 2019; torch's ``AdamW``.
    """

    def __init__(
        self,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(betas, eps, weight_decay, amsgrad)

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return optim.AdamW(parameters, lr, self.betas, self.eps, self.weight_decay, self.amsgrad, fused=True)
