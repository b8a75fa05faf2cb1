"""torch's optimizers by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from spikelearn.checks import check_fraction, check_positive
from spikelearn.plasticity import RULES, OptimizerChoice, Rule, of_layer
from spikelearn.registry import Registry


class OptimizerFactory(ABC):
    """An optimizer with its options, for any parameters."""

    #: Learning rate where none is named; None: it must be named, for a step follows the size of the gradient.
    usual_lr: ClassVar[float | None] = None

    @abstractmethod
    def over(self, parameters: Iterable[Tensor], lr: float) -> optim.Optimizer:
        """torch's optimizer of ``parameters``; ``lr`` is the learning rate, unit of weight per unit of the step."""


OPTIMIZERS = Registry("optimizer", OptimizerFactory)


def choose_optimizer(
    rule: Rule | type[Rule], name: str | None, lr: float | None, options: Mapping[str, Any]
) -> OptimizerChoice:
    """The optimizer of a rule: its default where nothing else is said.

    Raises:
        ValueError: an unknown name, another optimizer than the default without a learning rate.
    """
    default = rule.default_optimizer
    if name is None or name == default.name:
        return OptimizerChoice(default.name, lr or default.lr, {**default.options, **options})
    lr = lr or OPTIMIZERS.get(name).usual_lr
    if lr is None:
        kind = RULES.name_of(rule if isinstance(rule, type) else type(rule))
        raise ValueError(
            f"optimizer {name!r} is not the default of {kind} ({default}), whose learning rate means something else "
            "under it: name one with --lr"
        )
    return OptimizerChoice(name, lr, options)


def make_optimizer(choice: OptimizerChoice, parameters: Iterable[Tensor]) -> optim.Optimizer:
    """torch's optimizer for a choice.

    Raises:
        ValueError: an unknown name or option, a learning rate not positive.
    """
    factory = OPTIMIZERS.build(choice.name, choice.options)
    check_positive("lr", choice.lr)
    try:
        return factory.over(parameters, choice.lr)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"optimizer {choice.name!r} cannot be made with {dict(choice.options)}: {error}") from error


def by_layer(parameters: Iterable[Tensor], lr: float, factors: Sequence[float]) -> list[dict[str, Any]]:
    """A parameter group for each layer of weights in order, at ``factors`` of ``lr``; biases go with their weights."""
    layers: list[list[Tensor]] = []
    for parameter in parameters:
        if parameter.ndim > 1 or not layers:
            layers.append([])
        layers[-1].append(parameter)
    return [{"params": layer, "lr": lr * of_layer(factors, place)} for place, layer in enumerate(layers)]


def called(closure: Callable[[], Any] | None) -> Any:
    """The loss that a ``closure`` of torch's optimizers finds, with gradients; None where there is none."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


class OverSquares(optim.Optimizer):
    r"""Steps divided by a root of squares of the gradient g that are kept: $W \leftarrow W - \mathrm{lr}\; g / d$.

    Args:
        params: what is optimised.
        lr: learning rate.
        decay: of the squares per step, in [0, 1).
        eps: keeps the divisor from 0.

    Raises:
        ValueError: a value out of range.
    """

    #: Where the squares begin, unit of g squared.
    start: ClassVar[float]

    def __init__(self, params: Iterable[Tensor], lr: float, decay: float, eps: float) -> None:
        check_positive("lr", lr)
        check_fraction("decay", decay, below_one=True)
        check_positive("eps", eps)
        super().__init__(params, {"lr": lr, "decay": decay, "eps": eps})

    @abstractmethod
    def divisor(self, square: Tensor, grad: Tensor, decay: float, eps: float) -> Tensor:
        """d, as a tensor of its own; ``square`` is brought up to date in place."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; ``closure``, where it is given, finds the gradients anew."""
        loss = called(closure)
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                state, grad = self.state[parameter], parameter.grad
                if "square" not in state:
                    state["square"] = torch.full_like(parameter, self.start)
                divisor = self.divisor(state["square"], grad, group["decay"], group["eps"])
                parameter.addcdiv_(grad, divisor, value=-group["lr"])
        return loss
