"""How a derivative crosses a neuron."""

from abc import ABC
from typing import Any

import torch
from torch import Tensor

from spikelearn.neurons.base import Neuron
from spikelearn.registry import Registry

ADJOINTS: Registry[type["Adjoint"]] = Registry("adjoint")


class Adjoint(ABC):
    """The derivative of the map current -> spikes; the forward values are the neuron's own.

    A subclass gives ``step``, from which ``sequence`` follows as the eager reference, or, where its derivative
    needs the whole sequence, ``sequence`` alone.
    """

    def step(self, neuron: Neuron, state: Any, current: Tensor) -> tuple[Tensor, Tensor, Any]:
        """One step: (spikes, v, state), each [B, ...]."""
        raise ValueError(
            f"{type(self).__name__} needs the whole sequence at once ({type(neuron).__name__}, current "
            f"{list(current.shape)}): it cannot be stepped, nor used on a network with feedback edges; "
            "use Surrogate there"
        )

    def sequence(self, neuron: Neuron, state: Any, current: Tensor) -> tuple[Tensor, Tensor, Any]:
        """All steps: current [T, B, ...] -> (spikes [T, B, ...], v [T, B, ...], state)."""
        spikes, potentials = [], []
        for now in current.unbind(0):
            z, v, state = self.step(neuron, state, now)
            spikes.append(z)
            potentials.append(v)
        return torch.stack(spikes), torch.stack(potentials), state
