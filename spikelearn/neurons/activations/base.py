"""The functions by which rate neurons answer to their currents."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.registry import Registry

#: Axis of a layer's units in a current [B, n] or [B, C, H, W]: maps compete at each place of an image by itself.
UNITS = 1


class Activation(ABC):
    """A function from a layer's currents to its outputs, of differentiable operations of torch.

    Backpropagation differentiates the operations; ``vjp`` is the same derivative in closed form, for rules that carry
    errors themselves.
    """

    #: Whether an output depends on the other samples of the batch; a sequence is then answered step by step.
    over_batch: ClassVar[bool] = False

    @property
    def signed(self) -> bool:
        """True if an output can be negative."""
        return True

    @abstractmethod
    def __call__(self, current: Tensor) -> Tensor:
        """The outputs of a layer, shaped like its ``current`` [B, ...]."""

    @abstractmethod
    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        """The ``error`` [B, ...] at the outputs, carried back to the current: the vector-Jacobian product."""

    def vjp_at(self, current: Tensor, output: Tensor, error: Tensor) -> Tensor:
        """``vjp`` where the ``output`` at the current is known, of which some activations make their slope."""
        return self.vjp(current, error)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


ACTIVATIONS = Registry("activation", Activation)


class Elementwise(Activation):
    """An activation whose outputs depend on their own current alone; a subclass gives the function and its slope."""

    @abstractmethod
    def derivative(self, current: Tensor) -> Tensor:
        """The slope at ``current``, shaped like it."""

    def vjp(self, current: Tensor, error: Tensor) -> Tensor:
        return error * self.derivative(current)


class Layerwise(Activation):
    """An activation whose outputs depend on all units of the layer, ``UNITS`` of a current; it has no single slope."""
