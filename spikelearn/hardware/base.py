"""The interface of hardware: it writes the weights that a step wishes for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network, synaptic_weights
from spikelearn.registry import Registry


class Hardware(ABC):
    """Cells that hold the synaptic weights of a network, within [-largest, largest] of each layer.

    Biases, and the scales of norms, are digital and written as they are.

    Args:
        scale: largest weight of a layer in units of its largest absolute weight at the start.
        largest: largest weight of every layer, unit of weight, in place of ``scale``; None: by ``scale``.
    """

    def __init__(self, scale: float, largest: float | None) -> None:
        check_positive("scale", scale)
        if largest is not None:
            check_positive("largest", largest)
        self.scale, self.largest = scale, largest
        self.limits: dict[str, float] = {}
        self.generator = torch.Generator()
        self.written = 0

    @torch.no_grad()
    def begin(self, network: Network, generator: torch.Generator) -> None:
        """Make the cells of every synaptic weight, and bring the first weights into them, without noise.

        Raises:
            ValueError: a reparametrised weight; weights that are all 0, whose scale is unknown.
        """
        self.generator = generator
        for name, weight in synaptic_weights(network).items():
            limit = float(weight.abs().max()) * self.scale
            if self.largest is None and limit == 0.0:
                raise ValueError(f"the weights of {name} are all 0, so their scale is unknown: name it with largest=")
            self.limits[name] = self.largest or limit
            self._make_cells(name, weight)
            weight.copy_(self.limits[name] * self._placed(weight / self.limits[name]))

    @torch.no_grad()
    def write(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        """The weights that come of the wish to turn ``old`` into ``new``; unit of weight."""
        limit = self.limits[name]
        return limit * self._written(name, old / limit, new / limit)

    def state_dict(self) -> dict[str, Any]:
        """The state of the hardware: limits, random numbers, writes, and the values drawn for each cell."""
        return {"limits": dict(self.limits), "random": self.generator.get_state(), "written": self.written}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        self.limits, self.written = dict(state["limits"]), state["written"]
        self.generator.set_state(state["random"])

    def _make_cells(self, name: str, weight: Tensor) -> None:
        """Draw what is fixed for each cell of a layer."""

    @abstractmethod
    def _placed(self, weight: Tensor) -> Tensor:
        """Weights in [-1, 1] as cells can hold them, for weights of any size."""

    @abstractmethod
    def _written(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        """``write`` in units of the layer's largest weight."""

    def _uniform(self, like: Tensor) -> Tensor:
        drawn = torch.rand(like.shape, generator=self.generator, dtype=like.dtype)
        return drawn.to(like.device)

    def _normal(self, like: Tensor) -> Tensor:
        drawn = torch.randn(like.shape, generator=self.generator, dtype=like.dtype)
        return drawn.to(like.device)


HARDWARE = Registry("hardware", Hardware)
