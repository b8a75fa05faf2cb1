"""Inputs of a synapse scaled to a fixed size: the weights meet their direction alone."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_positive

Size = Literal["length", "mean-square"]


class Normalise(nn.Module):
    r"""Each sample scaled to one size, $y = x / (|x| + \epsilon)$, or $y = x / (\sqrt{|x|^2 / n} + \epsilon)$.

    How strongly the layer before answered is hidden from the next one; which of its neurons did is not.

    Args:
        size: "length": $|y| = 1$; "mean-square": the mean of the n squared entries is 1.
        epsilon: $\epsilon$, unit of the input.

    Shapes: x [B, ...], kept; |x| over all axes but B.

    Raises:
        ValueError: an unknown size, an epsilon that is not positive.

    Source: Hinton, arXiv 2212.13345, 2022; $\epsilon$ as in snnTorch's tutorial of the method.
    """

    def __init__(self, size: Size | str = "length", *, epsilon: float = 1e-4) -> None:
        super().__init__()
        check_choice("size", size, get_args(Size))
        check_positive("epsilon", epsilon)
        self.size, self.epsilon = size, epsilon

    def forward(self, x: Tensor) -> Tensor:
        axes = tuple(range(1, x.ndim))
        square = x.square()
        total = square.sum(axes, keepdim=True) if self.size == "length" else square.mean(axes, keepdim=True)
        # A root has no derivative at 0, where the sample is 0 and stays it.
        root = torch.where(total > 0, total, 1.0).sqrt()
        return x / (torch.where(total > 0, root, 0.0) + self.epsilon)

    def extra_repr(self) -> str:
        return f"{self.size}, epsilon={self.epsilon:g}"
