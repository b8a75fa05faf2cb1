"""Optimizers whose averaged weights are measured and kept."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, optim


class Averaging(optim.Optimizer):
    """An optimizer that takes gradients at some weights and answers for others, their average.

    Parameters hold the former; between ``average`` and ``resume`` they hold the latter. A step resumes by itself.

    Args:
        params: what is optimised.
        defaults: as torch's ``Optimizer`` has them.
    """

    def __init__(self, params: Iterable[Tensor], defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        #: {parameter: what it holds while it learns}, while it holds the average.
        self.kept: dict[Tensor, Tensor] = {}

    @abstractmethod
    def average_of(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """The average for a parameter of ``group`` that holds what it learns at; itself where it never changed."""

    @property
    def averaged(self) -> bool:
        """Tell whether the parameters hold the averages."""
        return bool(self.kept)

    @torch.no_grad()
    def average(self) -> None:
        """Put the averages into the parameters."""
        if self.averaged:
            return
        for group in self.param_groups:
            for parameter in group["params"]:
                self.kept[parameter] = parameter.detach().clone()
                parameter.copy_(self.average_of(parameter, group))

    @torch.no_grad()
    def resume(self) -> None:
        """Put back what the parameters learn at, bit for bit."""
        for parameter, kept in self.kept.items():
            parameter.copy_(kept)
        self.kept = {}

    def __getstate__(self) -> dict[str, Any]:
        """The state of a copy: all of torch's, and whether the parameters hold the averages."""
        return {**super().__getstate__(), "kept": self.kept}
