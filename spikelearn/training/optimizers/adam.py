"""Adam, torch's."""

from collections.abc import Iterable

from torch import Tensor, optim

from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory


@OPTIMIZERS.register("adam")
class AdamFactory(OptimizerFactory):
    r"""Steps of the running mean gradient over the root of its running square, both corrected for their start.

    $$W \leftarrow W - \mathrm{lr}\;\hat m / (\sqrt{\hat v} + \mathrm{eps})$$

    Args:
        betas: decays per step of the running mean m and of the running square v, each in [0, 1).
        eps: keeps the quotient finite, unit of gradient.
        weight_decay: part of the weight that is added to its gradient, unit of gradient per unit of weight.
        amsgrad: divide by the largest running square so far.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Kingma & Ba, ICLR 2015; torch's ``Adam``.
    """

    usual_lr = 1e-3

    def __init__(
        self,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        self.betas, self.eps, self.weight_decay, self.amsgrad = betas, eps, weight_decay, amsgrad

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        # Fused: one pass over memory a step in place of a dozen, on CPUs and GPUs alike.
        return optim.Adam(parameters, lr, self.betas, self.eps, self.weight_decay, self.amsgrad, fused=True)
