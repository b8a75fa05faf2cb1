"""Schedule-free AdamW: gradients are taken between the steps and their average, and the average is what is kept."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, optim

from spikelearn.checks import check_fraction, check_not_negative, check_positive
from spikelearn.training.optimizers.averaging import Averaging
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, called


class ScheduleFreeAdamW(Averaging):
    r"""AdamW without a schedule: steps z, their average x, and between them y, at which gradients are taken.

    $$v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
      n = \frac{g}{\sqrt v + \mathrm{eps}} + \lambda\,y, \qquad
      \mathrm{lr}_k = \mathrm{lr} \sqrt{1 - \beta_2^k}, \qquad a = \mathrm{lr}_k^2 / \sum_{j \le k} \mathrm{lr}_j^2$$

    $$y \leftarrow y + a (z - y) + \mathrm{lr}_k (\beta_1 (1 - a) - 1)\, n, \qquad z \leftarrow z - \mathrm{lr}_k\, n$$

    Then $y = (1 - \beta_1) z + \beta_1 x$ with x the mean of all z, weighted by a. A parameter holds y while it learns,
    and x while it is measured (``Averaging``).

    Args:
        params: what is optimised.
        lr: learning rate, unit of weight.
        betas: $\beta_1$, share of x in y, in (0, 1), and $\beta_2$, decay per step of the running square, in [0, 1).
        eps: keeps the quotient finite, unit of gradient.
        weight_decay: $\lambda$, shrinkage per step and unit of learning rate, dimensionless.

    Raises:
        ValueError: a value out of range.

    Source: Defazio, Yang, Khaled, Mishchenko, Mehta & Cutkosky, NeurIPS 2024; as in the program of Apolinario, Roy &
    Roy, WACV 2025: eps stands outside the root of an uncorrected running square.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 2.5e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        check_positive("lr", lr)
        check_betas(betas)
        check_positive("eps", eps)
        check_not_negative("weight_decay", weight_decay)
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure``, where it is given, finds the gradients anew."""
        self.resume()
        loss = called(closure)
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                self._step(parameter, parameter.grad, group)
        return loss

    def _step(self, y: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[y]
        if not state:
            state.update(step=0, total=0.0, square=torch.zeros_like(y), stepped=y.detach().clone())
        state["step"] += 1
        first, second = group["betas"]
        rate = group["lr"] * math.sqrt(1.0 - second ** state["step"])
        state["total"] += rate**2
        share = rate**2 / state["total"] if state["total"] else 0.0
        square = state["square"].mul_(second).addcmul_(grad, grad, value=1.0 - second)
        unit = grad / square.sqrt().add_(group["eps"])
        if group["weight_decay"]:
            unit.add_(y, alpha=group["weight_decay"])
        y.lerp_(state["stepped"], share).add_(unit, alpha=rate * (first * (1.0 - share) - 1.0))
        state["stepped"].sub_(unit, alpha=rate)

    def average_of(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        if parameter not in self.state:
            return parameter
        return torch.lerp(parameter, self.state[parameter]["stepped"], 1.0 - 1.0 / group["betas"][0])


def check_betas(betas: tuple[float, float]) -> None:
    """Raise ValueError unless ``betas`` are a share in (0, 1) and a decay in [0, 1)."""
    if not isinstance(betas, Sequence) or isinstance(betas, str) or len(betas) != 2:
        raise ValueError(f"betas is {betas!r}, expected two numbers in [0, 1), for example (0.9, 0.999)")
    first, second = betas
    check_positive("the first of betas", first)
    check_fraction("the first of betas", first, below_one=True)
    check_fraction("the second of betas", second, below_one=True)


@OPTIMIZERS.register("schedule-free-adamw")
class ScheduleFreeAdamWFactory(OptimizerFactory):
    r"""AdamW without a schedule, whose averaged weights are measured, checkpointed and kept (``ScheduleFreeAdamW``).

    $$n = g / (\sqrt v + \mathrm{eps}) + \lambda\,y, \qquad z \leftarrow z - \mathrm{lr}_k\, n, \qquad
      x = \text{mean of z}, \qquad y = (1 - \beta_1)\,z + \beta_1\,x$$

    Gradients are taken at y. Statistics of batch norms are taken anew under x, from training batches, before it is
    measured. The learning rate needs no schedule.

    Args:
        betas: $\beta_1$, share of x in y, in (0, 1), and $\beta_2$, decay per step of the running square, in [0, 1).
        eps: keeps the quotient finite, unit of gradient.
        weight_decay: $\lambda$, shrinkage per step and unit of learning rate, dimensionless.

    Shapes: parameters of any shape.

    Raises:
        ValueError: a value out of range; in ``fit``, what must hold of stepped weights: bounds, pruning, hardware.

    Source: Defazio, Yang, Khaled, Mishchenko, Mehta & Cutkosky, NeurIPS 2024; as in the program of Apolinario, Roy &
    Roy, WACV 2025.
    """

    usual_lr = 2.5e-3

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0) -> None:
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay

    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        return ScheduleFreeAdamW(parameters, lr, self.betas, self.eps, self.weight_decay)
