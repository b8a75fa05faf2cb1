"""Base of all bases: fixed vectors, one for each class."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.registry import Registry


class Basis(ABC):
    """Fixed vectors, one for each class."""

    #: The name under which the basis is registered; ``BASES.register`` sets it.
    name: ClassVar[str] = "the basis"

    @abstractmethod
    def vectors(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        """``count`` vectors of ``length`` numbers, float64 [count, length]; what is drawn comes from ``generator``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


BASES = Registry("basis", Basis)


def coherence(vectors: Tensor) -> float:
    """Largest absolute cosine between two of ``vectors`` [count, length]; 1: two of them cannot be told apart."""
    directions = F.normalize(vectors, dim=1)
    return float((directions @ directions.t()).triu(1).abs().max()) if len(vectors) > 1 else 0.0
