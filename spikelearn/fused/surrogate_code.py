"""Surrogate derivatives as numbers that a kernel understands."""

from typing import Any, NamedTuple

from spikelearn.neurons import ATan, FastSigmoid, Rectangle, Sigmoid, SpikeFunction, Triangle


class SurrogateCode(NamedTuple):
    """Which derivative, and its two parameters (0 where it has fewer).

    Args:
        kind: 0 none, 1 ATan, 2 FastSigmoid, 3 Triangle, 4 Sigmoid, 5 Rectangle.
        a: alpha, slope, width, slope or width.
        b: height of a Triangle or Rectangle.
    """

    kind: int
    a: float
    b: float

    @property
    def compact(self) -> bool:
        """Whether the derivative is exactly zero at a distance of ``a`` and more from threshold."""
        return self.kind in (3, 5)

    @property
    def peak(self) -> float:
        """psi(0), the largest value."""
        return (0.0, self.a / 2, 1.0, self.b, self.a / 4, self.b)[self.kind]

    def as_type(self, real: Any) -> tuple[int, Any, Any]:
        """The same with parameters of the type ``real``."""
        return self.kind, real(self.a), real(self.b)


def surrogate_code(function: SpikeFunction) -> SurrogateCode | None:
    """The code of a spike function's derivative; None where kernels do not know it."""
    derivative = function.derivative
    if type(function) is not SpikeFunction:
        return None
    if derivative is None:
        return SurrogateCode(0, 0.0, 0.0)
    if type(derivative) is ATan:
        return SurrogateCode(1, derivative.alpha, 0.0)
    if type(derivative) is FastSigmoid:
        return SurrogateCode(2, derivative.slope, 0.0)
    if type(derivative) is Triangle:
        return SurrogateCode(3, derivative.width, derivative.height)
    if type(derivative) is Rectangle:
        return SurrogateCode(5, derivative.width, derivative.height)
    return SurrogateCode(4, derivative.slope, 0.0) if type(derivative) is Sigmoid else None
