"""Surrogate derivatives psi(x) of the step function, x = v - v_threshold."""

from abc import ABC, abstractmethod

from torch import Tensor

from spikelearn.registry import Registry


class SurrogateDerivative(ABC):
    """A function psi(x) >= 0 that stands for the derivative of a spike at distance x from threshold."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """psi(x), shaped like x."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"


SURROGATES = Registry("surrogate", SurrogateDerivative)
