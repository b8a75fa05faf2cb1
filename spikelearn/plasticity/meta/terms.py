"""Local terms: what a synapse may do with the activities and errors on its two sides."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Sides(NamedTuple):
    """The two sides of a block's synapses, and the weights between them.

    Args:
        pre: what met the weights, mean of the steps, [B, m].
        post: what the block sends, mean of the steps, [B, n].
        pre_error: e below, [B, m].
        post_error: e of the block, [B, n].
        weight: W, [n, m].
    """

    pre: Tensor
    post: Tensor
    pre_error: Tensor
    post_error: Tensor
    weight: Tensor


def minus_the_change(coefficients: Tensor, sides: Sides) -> Tensor:
    """Minus the change of W, mean over the batch, [n, m], by the ``coefficients`` [3] of ``TERMS``.

    Terms of the same factor above are added up before it meets them: no term is written out by itself.
    """
    pseudo_gradient, ehebb, oja = coefficients / len(sides.pre)
    by_error = pseudo_gradient * sides.pre + ehebb * sides.pre_error
    by_activity = oja * (sides.pre - sides.post @ sides.weight)
    return torch.cat([sides.post_error, -sides.post]).T @ torch.cat([by_error, by_activity])


def local_errors(top: Tensor, back: Mapping[str, Tensor], slopes: Sequence[Tensor]) -> list[Tensor]:
    """The error at the input and at every block, [B, n] each, in the order of the blocks.

    Args:
        top: error of the output's current, [B, classes].
        back: {block: weights on the way back, [n, m]}, in the order of the blocks.
        slopes: of the input and of every block but the last, [B, n].
    """
    found = [top]
    for weight, slope in zip(reversed(list(back.values())), reversed(slopes), strict=True):
        found.append((found[-1] @ weight) * slope)
    return found[::-1]


def input_slope(inputs: Tensor, sharpness: float) -> Tensor:
    r"""The slope of inputs as if softplus neurons had sent them, $1 - e^{-\beta x}$; 0 where x is 0 or less."""
    return -torch.expm1(-sharpness * inputs.clamp(min=0.0))
