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


DEPENDENCES = Registry("weight dependence", Dependence)
