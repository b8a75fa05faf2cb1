"""The curve by which the conductance of a cell follows its pulses."""

import math

import torch
from torch import Tensor

from spikelearn.checks import check_count

#: Largest deviation from a straight line, of a range of 2, for each unit of non-linearity.
DEVIATION = 0.198
#: Non-linearities that the curve is defined for; smaller ones count as the smallest, which is nearly straight.
STRAIGHTEST, STEEPEST = 0.01, 9.0


def shape_of(nonlinearity: Tensor) -> Tensor:
    r"""$A_n$ of a non-linearity, by bisection: the curve's largest deviation from a straight line is 0.198 |NL|.

    With $x^* = -a \ln\bigl(a (1 - e^{-1/a})\bigr)$, where the curve is parallel to the line, the deviation is
    $2\,\bigl((1 - e^{-x^*/a})/(1 - e^{-1/a}) - x^*\bigr)$ for $a = |A_n|$. The sign of NL is that of $A_n$.

    Args:
        nonlinearity: NL, dimensionless; magnitudes are taken as at least 0.01 and at most 9.

    Shapes: elementwise, in the type of ``nonlinearity``.

    Source: the table of DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021. deviation: that table is met within 1 %.
    """
    wanted = DEVIATION * nonlinearity.double().abs().clamp(STRAIGHTEST, STEEPEST)
    low, high = torch.full_like(wanted, math.log(1e-3)), torch.full_like(wanted, math.log(1e3))
    for _ in range(50):
        middle = (low + high) / 2
        steeper = _deviation(middle.exp()) > wanted
        low, high = torch.where(steeper, middle, low), torch.where(steeper, high, middle)
    shape = torch.where(nonlinearity < 0, -low.exp(), low.exp())
    return shape.to(nonlinearity.dtype)


def _deviation(a: Tensor) -> Tensor:
    whole = -torch.expm1(-1.0 / a)
    place = -a * (a * whole).log()
    return 2.0 * (-torch.expm1(-place / a) / whole - place)


class Curve:
    r"""Weight after P of ``pulses`` pulses, $w(P) = B\,(1 - e^{-P/A}) - 1$, so that w(0) = -1 and w(pulses) = 1.

    $A = A_n(NL) \cdot \mathrm{pulses}$ and $B = 2 / (1 - e^{-\mathrm{pulses}/A})$.

    Args:
        nonlinearity: NL, dimensionless, one for all cells or one each; positive: steep at the lower end, negative: at
            the upper end.
        pulses: pulses from one end to the other.

    Shapes: elementwise.

    Raises:
        ValueError: pulses below 1.

    Source: DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021.
    """

    def __init__(self, nonlinearity: Tensor, pulses: int) -> None:
        check_count("pulses", pulses)
        self.decay = shape_of(nonlinearity) * pulses
        self.span = -2.0 / torch.expm1(-pulses / self.decay)

    def weight(self, pulses: Tensor) -> Tensor:
        """w(P), in [-1, 1]."""
        return -self.span * torch.expm1(-pulses / self.decay) - 1.0

    def pulses(self, weight: Tensor) -> Tensor:
        """P(w), the inverse."""
        return -self.decay * torch.log1p(-(weight + 1.0) / self.span)

    def moved(self, weight: Tensor, pulses: Tensor) -> Tensor:
        """w(P(w) + pulses), not clipped; pulses of either sign."""
        return weight - (self.span - 1.0 - weight) * torch.expm1(-pulses / self.decay)
