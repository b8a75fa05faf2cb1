"""What the CPU's kernels are called with: the numbers of a neuron and its surrogate, and the counts of errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from spikelearn.fused.surrogate_code import SurrogateCode, surrogate_code
from spikelearn.neurons import IF, LIF, AdaptiveLIF, CubaLIF, MembraneNeuron, Neuron, Surrogate
from spikelearn.neurons.parts.constants import Constant

#: What kernels calculate in.
REAL: dict[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}

#: Where the kernels of a neuron are, and the attributes that they take after those of every membrane.
FAMILIES: dict[type[Neuron], tuple[str, tuple[str, ...]]] = {
    LIF: ("membrane", ()),
    IF: ("membrane", ()),
    CubaLIF: ("cuba", ("decay_syn", "gain_syn")),
    AdaptiveLIF: ("adaptive", ("decay_adaptation", "beta")),
}


@dataclass
class ErrorCount:
    """How many neurons and steps have a surrogate derivative that is not zero, as a backward pass found."""

    active: int = 0
    entries: int = 0

    @property
    def share(self) -> float | None:
        """None as long as nothing was counted."""
        return self.active / self.entries if self.entries else None


class ScanSettings:
    """A neuron and its surrogate as the numbers that kernels take; ``shape`` is that of the neurons."""

    def __init__(
        self,
        neuron: MembraneNeuron,
        code: SurrogateCode,
        reset_gradient: bool,
        derivative_bytes: bool,
        real: Any,
        shape: Sequence[int],
    ) -> None:
        def taken(value: Constant) -> Any:
            """A constant as kernels take it: a number, or all constants as an array of one a neuron."""
            if not neuron.per_neuron:
                return real(value)
            return np.broadcast_to(np.asarray(value, real), shape).flatten()

        module, own = FAMILIES[type(neuron)]
        self.neuron = type(neuron)
        threshold = taken(neuron.v_threshold)
        # The highest potential that does not fire, and keep and offset of the reset v <- keep v + offset.
        limit = np.nextafter(threshold, real(-np.inf)) if neuron.inclusive else threshold
        keep, offset = (real(1), -threshold) if neuron.reset == "subtract" else (real(0), taken(neuron.v_reset))
        membrane = [taken(value) for value in (neuron.decay_mem, neuron.gain_mem, neuron.leak)]
        self.kernels = import_module(f"spikelearn.fused.cpu.{module}")
        self.numbers = (*membrane, threshold, limit, keep, offset, *(taken(getattr(neuron, name)) for name in own))
        self.surrogate = (code[0], real(code[1]), real(code[2]))
        self.reset_gradient = reset_gradient
        self.dtype: torch.dtype = next(dtype for dtype, known in REAL.items() if known is real)
        self.peak = real(code.peak)
        alike = not neuron.per_neuron
        self.bytes = derivative_bytes and type(neuron) in (LIF, IF) and code.kind > 0 and alike
        # What kernels of sparse errors look for, less than ``width`` from ``center``, and what psi is there. Bytes
        # are tested as |b - 256| < 256, which is b > 0.
        self.center, width = (real(256), real(256)) if self.bytes else (threshold, self.surrogate[1])
        self.near = (0, width, self.peak / real(255**2)) if self.bytes else self.surrogate
        # What a spike resets to a value forgets what was before.
        self.forgets = neuron.reset == "to_value"
        self.count = ErrorCount() if code.compact and type(neuron) is not AdaptiveLIF and alike else None
        # The error at a membrane is then the time-reversed trace of what arrives through spikes.
        self.filtered = code.compact and neuron.reset == "subtract" and not reset_gradient and type(neuron) in (LIF, IF)

    @classmethod
    def of(
        cls, adjoint: Surrogate, neuron: MembraneNeuron, dtype: torch.dtype, shape: Sequence[int]
    ) -> "ScanSettings | None":
        """None where the kernels do not know the spike function, the type, or a reset's derivative."""
        code, through_reset = surrogate_code(adjoint.spike_function), adjoint.spike_function.reset_gradient
        unknown = through_reset and type(neuron) is AdaptiveLIF and neuron.reset == "to_value"
        if code is None or unknown or dtype not in REAL:
            return None
        return cls(neuron, code, through_reset, adjoint.derivative_bytes, REAL[dtype], shape)
