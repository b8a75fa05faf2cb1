"""Base of all kernels: how alike two samples are, by what a block sends for each."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from spikelearn.neurons import Neuron
from spikelearn.registry import Registry


class Kernel(ABC):
    """How alike two samples are to a block: 1 for a sample and itself, less for others."""

    #: The name under which the kernel is registered; ``KERNELS.register`` sets it.
    name: ClassVar[str] = "the kernel"

    @abstractmethod
    def __call__(self, sent: Tensor) -> Tensor:
        """The kernel of all pairs of samples, [B, B], by what the block sends, [T, B, ...]; differentiable."""

    @abstractmethod
    def lowest(self, neuron: Neuron) -> float:
        """The least value that two samples can have, where the block's neurons are of the kind ``neuron``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


KERNELS = Registry("kernel", Kernel)
