"""Sequence kernels, looked up by (adjoint, neuron, device)."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikelearn.fast_path import is_plain
from spikelearn.neurons import Adjoint, Neuron

Kernel = Callable[[Any, Any, Any, Tensor], tuple[Tensor, Tensor, Any] | None]

KERNELS: dict[tuple[type[Adjoint], type[Neuron], str], list[Kernel]] = {}


def register_kernel(adjoint: type[Adjoint], neuron: type[Neuron], *devices: str) -> Callable[[Kernel], Kernel]:
    """Decorator that enters a kernel for exactly these classes (subclasses take the eager loop).

    Kernels are asked in the order in which they are entered; one that answers None passes.
    """

    def enter(kernel: Kernel) -> Kernel:
        for device in devices:
            KERNELS.setdefault((adjoint, neuron, device), []).append(kernel)
        return kernel

    return enter


def scan(adjoint: Adjoint, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
    """Run a neuron over a whole record: a fused kernel where one is registered and willing, else the eager loop.

    Args:
        adjoint: how a derivative crosses the neuron.
        neuron: the model.
        state: state before the first step; its tensors [B, ...].
        current: [T, B, ...]; of a neuron with several, {name: [T, B, ...]}, for which the loop is eager.

    Shapes: (spikes [T, B, ...], v [T, B, ...], state after the last step).

    Raises:
        ValueError: state and current differ in shape.
    """
    if not isinstance(current, Tensor):
        neuron.check_state(state, {name: values[0] for name, values in current.items()})
        return adjoint.sequence(neuron, state, current)
    neuron.check_state(state, current[0])
    kernels = KERNELS.get((type(adjoint), type(neuron), current.device.type), [])
    if kernels and all(map(is_plain, (current, *state))):
        for kernel in kernels:
            scanned = kernel(adjoint, neuron, state, current)
            if scanned is not None:
                return scanned
    return adjoint.sequence(neuron, state, current)
