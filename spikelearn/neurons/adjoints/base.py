"""The interface of adjoints: derivatives across a neuron."""

from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from spikelearn.neurons.base import Neuron
from spikelearn.registry import Registry


class Adjoint(ABC):
    """The derivative of the map current -> spikes; the forward values are the neuron's own.

    A subclass gives ``step``, from which ``sequence`` follows as the eager reference, or, where its derivative
    needs the whole sequence, ``sequence`` alone.
    """

    @property
    def differentiates(self) -> bool:
        """True if a derivative crosses a neuron at all; not so in a plain simulation."""
        return True

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        """One step: (spikes, v, state), each [B, ...]; the current as ``Neuron.step`` takes it."""
        raise ValueError(
            f"{type(self).__name__} needs the whole sequence at once ({type(neuron).__name__}): it cannot be stepped, "
            "nor used on a network with feedback edges; use Surrogate there"
        )

    def sequence(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        """All steps: current [T, B, ...], or {name: [T, B, ...]} -> (spikes [T, B, ...], v [T, B, ...], state)."""
        spikes, potentials = [], []
        for now in _steps_of(current):
            z, v, state = self.step(neuron, state, now)
            spikes.append(z)
            potentials.append(v)
        return torch.stack(spikes), torch.stack(potentials), state


def _steps_of(current: Tensor | Mapping[str, Tensor]) -> Iterable[Tensor | Mapping[str, Tensor]]:
    if isinstance(current, Tensor):
        return current.unbind(0)
    steps = zip(*(values.unbind(0) for values in current.values()), strict=True)
    return (dict(zip(current, now, strict=True)) for now in steps)


ADJOINTS = Registry("adjoint", Adjoint)
