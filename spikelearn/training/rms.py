"""Optimizers that EMSTDP takes: steps over a running square that starts at 1, and whole-numbered weights."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, optim

from spikelearn.checks import check_count, check_fraction, check_positive
from spikelearn.seeding import generator_for


class UnitRMS(optim.Optimizer):
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

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, decay: float = 0.9, eps: float = 1e-8) -> None:
        check_positive("lr", lr)
        check_fraction("decay", decay, below_one=True)
        check_positive("eps", eps)
        super().__init__(params, {"lr": lr, "decay": decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure``, where it is given, finds the gradients anew."""
        loss = _called(closure)
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                state, grad = self.state[parameter], parameter.grad
                if "square" not in state:
                    state["square"] = torch.ones_like(parameter)
                square = state["square"].mul_(group["decay"]).addcmul_(grad, grad, value=1.0 - group["decay"])
                parameter.addcdiv_(grad, (square + group["eps"]).sqrt_(), value=-group["lr"])
        return loss


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
        loss = _called(closure)
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


def _called(closure: Callable[[], Any] | None) -> Any:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
