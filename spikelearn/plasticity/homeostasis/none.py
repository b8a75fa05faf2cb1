"""No homeostasis."""

import torch
from torch import Tensor

from spikelearn.plasticity.homeostasis.base import HOMEOSTASES, Homeostasis


@HOMEOSTASES.register("none")
class NoHomeostasis(Homeostasis):
    """Nothing but the rule changes anything.

    Shapes: parameters [n, ...], unit of weight.

    Source: the rules as they were published.
    """

    acts = False

    def __init__(self) -> None:
        super().__init__(1.0, 0.0)

    def change(self, parameter: Tensor, rate: Tensor, dt: float) -> Tensor:
        return torch.zeros_like(parameter)

    def __repr__(self) -> str:
        return "NoHomeostasis()"
