"""Base of all releases: how much of a spike meets the weights, given the spikes before it."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spikelearn.registry import Registry


class Release(nn.Module, ABC):
    """The amount that every spike releases at its neuron's terminals, with a state that is the same for all of them.

    Weights meet the amount in place of the spike. ``step`` is the interface, ``sequence`` its form for whole records.

    Args:
        dt: time step, seconds; must be that of the neurons that the edge leads to.
    """

    #: The name under which the release is registered; ``RELEASES.register`` sets it.
    name: ClassVar[str] = "the release"
    #: Buffers that no forward pass writes.
    unwritten: ClassVar[tuple[str, ...]] = ()

    def __init__(self, dt: float) -> None:
        super().__init__()
        self.dt = dt

    @abstractmethod
    def initial_state(self, spikes: Tensor) -> Any:
        """The state before the first of ``spikes`` [B, ...], a NamedTuple of tensors of that shape."""

    @abstractmethod
    def step(self, state: Any, spikes: Tensor) -> tuple[Tensor, Any]:
        """What the spikes [B, ...] of one step release, and the state after it."""

    def sequence(self, state: Any | None, spikes: Tensor) -> tuple[Tensor, Any]:
        """What a record [T, B, ...] releases, and the state after it; ``state`` None: start anew."""
        state = self.initial_state(spikes[0]) if state is None else state
        released = []
        for now in spikes.unbind(0):
            amount, state = self.step(state, now)
            released.append(amount)
        return torch.stack(released), state


RELEASES = Registry("release", Release)
