"""Base of all published models."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from spikelearn.checks import check_fraction
from spikelearn.registry import Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Model(ABC):
    """A published network, its numbers, and the figure of its paper.

    Args:
        scale: share of the published size, in (0, 1]: of its neurons, or of what the model says.
    """

    #: The name under which the model is registered; ``MODELS.register`` sets it.
    name: ClassVar[str] = "the model"
    #: What it is, where it is published, and what its figure shows, a sentence each.
    title: ClassVar[str]
    source: ClassVar[str]
    published: ClassVar[str]
    #: {quantity: value with its unit}, as published.
    numbers: ClassVar[Mapping[str, str]]

    @abstractmethod
    def draw(self) -> "tuple[Figure, list[str]]":
        """Simulate it; its figure, and what was measured, a sentence each."""


MODELS = Registry("model", Model)


def check_scale(scale: float) -> float:
    """The share of the published size.

    Raises:
        ValueError: a scale outside (0, 1].
    """
    check_fraction("scale", scale)
    if not scale > 0:
        raise ValueError("scale is 0, expected a share of the published size in (0, 1]")
    return scale
