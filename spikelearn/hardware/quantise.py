"""Weights of few bits: rounded once, or at every write."""

from typing import Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count
from spikelearn.hardware.base import HARDWARE, Hardware

#: More bits than a weight of single precision can tell apart.
MOST_BITS = 24


def check_bits(bits: int) -> None:
    """Raise ValueError unless ``bits`` is a whole number from 2 to 24."""
    check_count("bits", bits, least=2)
    if bits > MOST_BITS:
        raise ValueError(f"bits is {bits}, expected at most {MOST_BITS}: leave quantisation out for more")


def on_grid(weight: Tensor, bits: int) -> Tensor:
    r"""The nearest of the $2^{\mathrm{bits}} - 1$ levels $k\,2^{1-\mathrm{bits}}$, $|k| < 2^{\mathrm{bits}-1}$."""
    grid = 2.0 ** (bits - 1)
    return (weight * grid).round().clamp(1.0 - grid, grid - 1.0) / grid


def rounded(value: Tensor, uniform: Tensor) -> Tensor:
    """Whole numbers whose mean is ``value``: rounded up where the fraction exceeds a uniform number in [0, 1)."""
    return (value + uniform).floor()


def quantised(weight: Tensor, bits: int) -> Tensor:
    r"""``weight`` rounded to $2^{\mathrm{bits}} - 1$ levels, evenly spaced from -max|w| to max|w|, 0 among them.

    Args:
        weight: unit of weight.
        bits: 2 (three levels) to 24.

    Shapes: any.
    """
    check_bits(bits)
    step = weight.abs().max() / (2 ** (bits - 1) - 1)
    return torch.where(step > 0, (weight / step).round() * step, weight)


@HARDWARE.register("bits")
class Bits(Hardware):
    r"""Weights of few bits: what a step wishes for is rounded to $2^{\mathrm{bits}} - 1$ levels and clipped.

    Levels are $k\,2^{1-\mathrm{bits}}$ times the layer's largest weight, $|k| < 2^{\mathrm{bits}-1}$.

    Args:
        bits: bits of a weight, from 2 to 24.
        rounding: "stochastic", whose mean is the wish, or "nearest", which loses changes of less than half a level.
        scale: largest weight of a layer in units of its largest absolute weight at the start.
        largest: largest weight of every layer, unit of weight, in place of ``scale``; None: by ``scale``.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Gupta, Agrawal, Gopalakrishnan & Narayanan, ICML 2015 (stochastic rounding).
    """

    def __init__(
        self,
        bits: int = 8,
        *,
        rounding: Literal["stochastic", "nearest"] = "stochastic",
        scale: float = 2.0,
        largest: float | None = None,
    ) -> None:
        super().__init__(scale, largest)
        check_bits(bits)
        check_choice("rounding", rounding, ("stochastic", "nearest"))
        self.bits, self.rounding = bits, rounding

    def _placed(self, weight: Tensor) -> Tensor:
        return on_grid(weight, self.bits)

    def _written(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        grid = 2.0 ** (self.bits - 1)
        wished = rounded(new * grid, self._uniform(new)) / grid if self.rounding == "stochastic" else new
        weights = torch.where(new == old, old, on_grid(wished, self.bits))
        self.written += int(((weights - old).abs() > 0.5 / grid).sum())
        return weights
