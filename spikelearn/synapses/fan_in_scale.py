"""Weights divided by the root of the fan-in: the parametrisation in which layers of any width learn alike."""

import math

from torch import Tensor, nn
from torch.nn.utils import parametrize


class FanInScale(nn.Module):
    r"""Reparametrisation $W = R / \sqrt n$, n the fan-in: what learns are the numbers R, of the order of 1.

    The wider a layer, the less its weights W move by a step of the same size in R, so that a wide network stays near
    the linear one of its start (neural tangent kernel).

    Args:
        weight: R, as it is drawn.

    Shapes: R and W alike, [out, ...]; n is the number of weights of one output unit.

    Source: Jacot, Gabriel & Hongler, NeurIPS 2018.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.fan_in = weight[0].numel()

    def forward(self, weight: Tensor) -> Tensor:
        return weight / math.sqrt(self.fan_in)

    def extra_repr(self) -> str:
        return f"fan_in={self.fan_in}"


def scaled_by_fan_in(layer: nn.Module) -> nn.Module:
    """The layer, its weight reparametrised by ``FanInScale``; what its weight was is now R."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    parametrize.register_parametrization(layer, "weight", FanInScale(weight))
    return layer
