"""The surrogate gradient: the spike's derivative is replaced, everything else is differentiated as it is."""

from typing import Any

from torch import Tensor

from spikelearn.checks import check_flag
from spikelearn.neurons.adjoints.base import ADJOINTS, Adjoint
from spikelearn.neurons.base import Neuron
from spikelearn.neurons.parts.spike_function import HARD, Derivative, SpikeFunction
from spikelearn.neurons.surrogates import SURROGATES, SurrogateDerivative


@ADJOINTS.register("surrogate")
class Surrogate(Adjoint):
    r"""Backpropagation through the neuron's own equations with $\partial z/\partial v = \psi(v - v_{threshold})$.

    Args:
        derivative: $\psi$, per unit of potential, or a spike function of one's own; None: no derivative at all.
        reset_gradient: whether the reset is differentiated too; a spike function says it itself.
        derivative_bytes: keep $\psi$ for the backward pass as round($255\,\sqrt{\psi/\psi(0)}$): one byte a neuron and
            step, two where spikes reset to a value, instead of the potential's four or eight. Compiled kernels for LIF
            and IF on the CPU do so; elsewhere nothing changes. Relative error of the gradients of 784-400-10, 25 steps,
            untrained, on random input: 0.0002 to 0.002 with ATan, Sigmoid and Triangle as they are, up to 0.005
            with narrow ones (FastSigmoid, Triangle of width 0.1), that of rounding with Rectangle.

    Shapes: current, spikes and v [B, ...] in ``step``, [T, B, ...] in ``sequence``.

    Raises:
        ValueError: ``derivative_bytes`` with a differentiated reset, which needs the potentials; ``reset_gradient``
            with a spike function.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019.
    """

    def __init__(
        self,
        derivative: SpikeFunction | Derivative | None,
        *,
        reset_gradient: bool = False,
        derivative_bytes: bool = False,
    ) -> None:
        check_flag("reset_gradient", reset_gradient)
        check_flag("derivative_bytes", derivative_bytes)
        if isinstance(derivative, SpikeFunction):
            if reset_gradient:
                raise ValueError(
                    f"reset_gradient is True beside the spike function {derivative!r}, expected it there: set it there"
                )
            spike_function = derivative
        else:
            spike_function = SpikeFunction(derivative, reset_gradient=reset_gradient)
        if derivative_bytes and spike_function.reset_gradient:
            raise ValueError(
                "derivative_bytes is True with reset_gradient=True, but the derivative of the reset needs the "
                "potentials, which are then not kept: leave one of the two out"
            )
        self.spike_function, self.derivative_bytes = spike_function, derivative_bytes

    @property
    def differentiates(self) -> bool:
        return self.spike_function.derivative is not None

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        return neuron.step(state, current, self.spike_function)

    def __repr__(self) -> str:
        function, words = self.spike_function, []
        if type(function) is SpikeFunction:
            words += [repr(function.derivative), *(["reset_gradient=True"] if function.reset_gradient else [])]
        else:
            words.append(repr(function))
        return f"Surrogate({', '.join([*words, *(['derivative_bytes=True'] if self.derivative_bytes else [])])})"


@ADJOINTS.accept(SURROGATES)
def _with_derivative(
    derivative: SurrogateDerivative, *, reset_gradient: bool = False, derivative_bytes: bool = False
) -> Surrogate:
    """The adjoint that the name of a surrogate derivative stands for."""
    return Surrogate(derivative, reset_gradient=reset_gradient, derivative_bytes=derivative_bytes)


#: Simulation without derivatives.
NO_ADJOINT = Surrogate(HARD)
