"""A synapse that is a small network: two convolutions and the way past them."""

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    r"""Two convolutions with a rectifier between, added to what arrives: $K_2 * \max(K_1 * x, 0) + S x$.

    Both keep the size of the image (padded by half the kernel), the first divides it by ``stride``. S is the identity
    where the shapes agree, else a convolution of 1 x 1 with that stride and without bias. It is no single layer of
    weights: rules that multiply what meets a weight by what its target does refuse it.

    Args:
        channels: of the image that arrives.
        filters: maps of both convolutions.
        kernel: edge of both kernels, pixels, odd.
        stride: of the first convolution, pixels.
        bias: whether both convolutions have a bias.

    Shapes: [B, channels, H, W] -> [B, filters, ceil(H / stride), ceil(W / stride)].

    Raises:
        ValueError: an even kernel.

    Source: He, Zhang, Ren & Sun, CVPR 2016, Fig. 2. deviation: no batch norm inside.
    """

    def __init__(self, channels: int, filters: int, kernel: int = 3, stride: int = 1, *, bias: bool = True) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, expected an odd number, which is padded by its half")
        half = kernel // 2
        self.first = nn.Conv2d(channels, filters, kernel, stride, half, bias=bias)
        self.second = nn.Conv2d(filters, filters, kernel, 1, half, bias=bias)
        same = channels == filters and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, filters, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        past: Tensor = self.shortcut(x)
        return torch.add(self.second(torch.relu(self.first(x))), past)
