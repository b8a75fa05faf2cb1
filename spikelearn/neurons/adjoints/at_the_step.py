"""Derivatives across a neuron within a step alone."""

from typing import Any

from torch import Tensor

from spikelearn.neurons.adjoints.base import Adjoint
from spikelearn.neurons.base import Neuron


class AtTheStep(Adjoint):
    """Another adjoint with every state held fixed: derivatives cross a neuron within a step, none goes through time."""

    def __init__(self, adjoint: Adjoint) -> None:
        self.inner = adjoint

    @property
    def differentiates(self) -> bool:
        return self.inner.differentiates

    def step(self, neuron: Neuron, state: Any, current: Any) -> tuple[Tensor, Tensor, Any]:
        return self.inner.step(neuron, type(state)(*(part.detach() for part in state)), current)

    def __repr__(self) -> str:
        return f"AtTheStep({self.inner!r})"
