"""Plain descent, torch's."""

from collections.abc import Iterable

from torch import Tensor, optim

from spikelearn.plasticity import PerLayer, per_layer
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, by_layer


@OPTIMIZERS.register("sgd")
class SGDFactory(OptimizerFactory):
    r"""Steps along the gradient, $W \leftarrow W - \mathrm{lr}\; b$ with $b \leftarrow \mu b + (1 - \tau) g$.

    Args:
        momentum: $\mu$ per step, dimensionless; 0: b is the gradient g.
        dampening: $\tau$, dimensionless.
        weight_decay: part of the weight that is added to its gradient, unit of gradient per unit of weight.
        nesterov: step along $g + \mu b$.
        layer_factors: what the layers of weights in order, with their biases, take of lr, as in 1/0.5, dimensionless;
            the last counts for all further ones.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range; ``nesterov`` without momentum, or with dampening.

    Source: Robbins & Monro, Annals of Mathematical Statistics 22, 1951; momentum as in Sutskever et al., ICML 2013;
    torch's ``SGD``.
    """

    def __init__(
        self,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        layer_factors: PerLayer = 1.0,
    ) -> None:
        self.momentum, self.dampening, self.weight_decay, self.nesterov = momentum, dampening, weight_decay, nesterov
        self.layer_factors = per_layer("layer_factors", layer_factors)

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        one = self.layer_factors == (1.0,)
        groups = parameters if one else by_layer(parameters, lr, self.layer_factors)
        return optim.SGD(
            groups, lr, self.momentum, self.dampening, self.weight_decay, nesterov=self.nesterov, fused=True
        )
