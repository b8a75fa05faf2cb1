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
    """Minus the change of W, mean over the batch, [n, m], by the ``coefficients`` [3] of ``TERMS``."""
    pseudo_gradient = sides.post_error.T @ sides.pre
    ehebb = sides.post_error.T @ sides.pre_error
    oja = sides.post.T @ (sides.pre - sides.post @ sides.weight)
    weighed = coefficients[0] * pseudo_gradient + coefficients[1] * ehebb - coefficients[2] * oja
    return weighed / len(sides.pre)


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
