"""Steps of Hebbian rules: scaled to their largest entry, slower for neurons whose weights have length 1."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, optim

from spikelearn.checks import check_flag, check_positive
from spikelearn.plasticity import PerLayer, of_layer, per_layer
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, called

#: What keeps quotients and powers from 0.
LEAST, LEAST_GAP = 1e-30, 1e-10


class HebbianSteps(optim.Optimizer):
    r"""Plain steps, of every tensor scaled to its largest entry, and of every neuron at a rate of its own.

    $$w_k \leftarrow w_k - \mathrm{lr}_k\,\frac{g_k}{\max |g|}, \qquad
      \mathrm{lr}_k = \mathrm{lr}\; f_l\,\big|\,|w_k| - 1\,\big|^{\,p}$$

    with the weights before the step; the maximum is over the whole tensor g. A bias takes ``bias_factor`` lr. There is
    no state.

    Args:
        params: what is optimised; tensors of weights are the layers l, in their order.
        lr: learning rate, unit of weight.
        power: p, dimensionless; 0: all neurons learn at lr.
        scaled: whether g is divided by its largest entry.
        layer_factors: $f_l$, dimensionless; the last counts for all further layers.
        bias_factor: of biases, dimensionless.

    Raises:
        ValueError: a value out of range.

    Source: Journe et al., ICLR 2023, the authors' program.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        power: float = 0.0,
        scaled: bool = True,
        layer_factors: tuple[float, ...] = (1.0,),
        bias_factor: float = 1.0,
    ) -> None:
        check_positive("lr", lr)
        check_options(power, scaled, bias_factor)
        options = {"power": power, "scaled": scaled, "layer_factors": layer_factors, "bias_factor": bias_factor}
        super().__init__(params, {"lr": lr, **options})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure``, where it is given, finds the gradients anew."""
        loss = called(closure)
        layer = 0
        for group in self.param_groups:
            for parameter in group["params"]:
                rates = self.rates(parameter, group, layer)
                layer += parameter.ndim > 1
                if parameter.grad is None:
                    continue
                step = parameter.grad
                scale = _largest(step) + LEAST if group["scaled"] else 1.0
                parameter.addcmul_(step, rates / scale, value=-1.0)
        return loss

    def rates(self, parameter: Tensor, group: Mapping[str, Any], layer: int = 0) -> Tensor:
        """The learning rates of a parameter's rows, broadcasting over it; ``layer`` counts tensors of weights."""
        if parameter.ndim < 2:
            return parameter.new_tensor(group["lr"] * group["bias_factor"])
        rate = group["lr"] * of_layer(group["layer_factors"], layer)
        if not group["power"]:
            return parameter.new_tensor(rate)
        length = parameter.detach().flatten(1).norm(dim=1).view(-1, *[1] * (parameter.ndim - 1))
        return rate * ((length - 1.0).abs() + LEAST_GAP) ** group["power"]


def _largest(step: Tensor) -> Tensor:
    """max |g|: a vector norm of order infinity is the same, and takes several times as long on a processor."""
    low, high = torch.aminmax(step)
    return torch.maximum(high, -low)


def check_options(power: float, scaled: bool, bias_factor: float) -> None:
    """Raise ValueError where an option is out of range."""
    if power:
        check_positive("power", power)
    check_flag("scaled", scaled)
    check_positive("bias_factor", bias_factor)


@OPTIMIZERS.register("hebbian")
class HebbianFactory(OptimizerFactory):
    r"""Plain steps, of every tensor scaled to its largest entry, and of every neuron at a rate of its own.

    $$w_k \leftarrow w_k - \mathrm{lr}_k\,\frac{g_k}{\max |g|}, \qquad
      \mathrm{lr}_k = \mathrm{lr}\; f_l\,\big|\,|w_k| - 1\,\big|^{\,p}$$

    with the weights before the step; the maximum is over the whole tensor g (``HebbianSteps``).

    Args:
        power: p, dimensionless; 0: all neurons learn at lr.
        scaled: whether g is divided by its largest entry.
        layer_factors: $f_l$ of the layers of weights in order, as in 1/0.5, dimensionless; the last counts for all
            further ones.
        bias_factor: what biases take of lr, dimensionless.

    Shapes: parameters of any shape, neurons along the first axis.

    Raises:
        ValueError: a value out of range.

    Source: Journe et al., ICLR 2023, the authors' program.
    """

    def __init__(
        self, power: float = 0.0, scaled: bool = True, layer_factors: PerLayer = 1.0, bias_factor: float = 1.0
    ) -> None:
        check_options(power, scaled, bias_factor)
        self.power, self.scaled, self.bias_factor = power, scaled, bias_factor
        self.layer_factors = per_layer("layer_factors", layer_factors)

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return HebbianSteps(parameters, lr, self.power, self.scaled, self.layer_factors, self.bias_factor)
