"""Pooling that torch does not have."""

import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.checks import check_count, check_positive


class SumPool2d(nn.Module):
    """Sum over square windows: average pooling times the window's area, as chips and NIR's ``SumPool2d`` do it.

    Args:
        kernel_size: window edge, pixels.
        stride: step between windows, pixels; None: the window edge.
        gain: factor on the sum, dimensionless; TSSL-BP's published networks have 1.1.

    Shapes: [B, C, H, W] -> [B, C, H', W'].

    Raises:
        ValueError: a size below 1, a gain not positive.

    Source: NIR node ``SumPool2d``.
    """

    def __init__(self, kernel_size: int, stride: int | None = None, *, gain: float = 1.0) -> None:
        super().__init__()
        check_count("kernel_size", kernel_size)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        check_count("stride", self.stride)
        check_positive("gain", gain)
        self.gain = gain

    def forward(self, image: Tensor) -> Tensor:
        total = F.avg_pool2d(image, self.kernel_size, self.stride, divisor_override=1)
        return total if self.gain == 1.0 else self.gain * total

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, gain={self.gain}"
