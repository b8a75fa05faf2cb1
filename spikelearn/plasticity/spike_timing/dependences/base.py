"""Base of all weight dependences: factors on potentiation and depression by the weight that changes."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.registry import Registry


class Dependence(ABC):
    """Factors on the changes of a weight, by where it stands."""

    #: The name under which the dependence is registered; ``DEPENDENCES.register`` sets it.
    name: ClassVar[str] = "the weight dependence"

    @abstractmethod
    def factors(self, weight: Tensor, low: float, high: float) -> tuple[Tensor | float, Tensor | float]:
        """(factor on potentiation, factor on depression) of weights within [low, high]."""

    def check(self, rule: str, low: float, high: float) -> None:
        """Raise ValueError where the dependence makes no sense between these bounds."""
        return

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def change(
        self, weight: Tensor, up: Tensor, down: Tensor, *, low: float, high: float, in_turn: bool = False
    ) -> Tensor:
        """What potentiation ``up`` and depression ``down``, neither negative, make of weights: the sum of ``parts``."""
        potentiation, depression = self.parts(weight, up, down, low=low, high=high, in_turn=in_turn)
        return potentiation + depression

    def parts(
        self, weight: Tensor, up: Tensor, down: Tensor, *, low: float, high: float, in_turn: bool = False
    ) -> tuple[Tensor, Tensor]:
        r"""Potentiation and depression of weights by ``up`` and ``down``, neither negative.

        $f_+(w)\,u$ and $-f_-(w)\,d$; or ``in_turn``, as NEST's synapses have it: the weight is potentiated, cut to the
        bounds and then depressed, $w' = \mathrm{clip}(w + f_+(w)\,u)$: $w' - w$ and $-f_-(w')\,d$.

        Shapes: all [out, in], unit of weight.
        """
        if not in_turn:
            plus, minus = self.factors(weight, low, high)
            return plus * up, -minus * down
        plus, _ = self.factors(weight, low, high)
        moved = (weight + plus * up).clamp(low, high)
        return moved - weight, -self.factors(moved, low, high)[1] * down


DEPENDENCES = Registry("weight dependence", Dependence)
