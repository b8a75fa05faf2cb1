"""Plain steps of whole-numbered weights, which EMSTDP takes on a chip."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, optim

from spikelearn.checks import check_count, check_positive
from spikelearn.seeding import generator_for
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, called


class IntegerSGD(optim.Optimizer):
    r"""Plain steps whose result is rounded to whole numbers at random, up with a probability equal to the fraction.

    $$W \leftarrow \lfloor W - \mathrm{lr}\; g + u \rfloor, \qquad u \sim U[0, 1)$$

    so the mean step is lr g, however small. u is a function of (seed, parameter, step): a resumed run, and every
    process of a parallel one, draws the same.

    Args:
        params: what is optimised; whole numbers.
        lr: learning rate, unit of weight per unit of gradient.
        seed: of the rounding.

    Raises:
        ValueError: a value out of range.

    Source: Gupta, Agrawal, Gopalakrishnan & Narayanan, ICML 2015 (stochastic rounding).
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1.0, seed: int = 0) -> None:
        check_positive("lr", lr)
        check_count("seed", seed, least=0)
        super().__init__(params, {"lr": lr, "seed": seed})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure``, where it is given, finds the gradients anew."""
        loss = called(closure)
        parameters = [(group, p) for group in self.param_groups for p in group["params"]]
        for place, (group, parameter) in enumerate(parameters):
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            state["step"] = state.get("step", torch.tensor(0)) + 1
            generator = generator_for(group["seed"], "rounding", place, int(state["step"]))
            drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64).to(parameter.device)
            wished = parameter.double() - group["lr"] * parameter.grad.double()
            below = wished.floor()
            parameter.copy_(below + (drawn < wished - below))
        return loss


@OPTIMIZERS.register("integer-sgd")
class IntegerSGDFactory(OptimizerFactory):
    r"""Plain steps whose result is rounded to whole numbers at random (``IntegerSGD``).

    $$W \leftarrow \lfloor W - \mathrm{lr}\; g + u \rfloor, \qquad u \sim U[0, 1)$$

    Args:
        seed: of the rounding, dimensionless.

    Shapes: parameters of any shape, whole numbers.

    Raises:
        ValueError: a value out of range.

    Source: Gupta, Agrawal, Gopalakrishnan & Narayanan, ICML 2015 (stochastic rounding).
    """

    def __init__(self, seed: int = 0) -> None:
        check_count("seed", seed, least=0)
        self.seed = seed

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return IntegerSGD(parameters, lr, self.seed)
