"""Bytes of a learning step, as its tensors add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spikelearn.measure.isolation import isolated
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Memory, Rule


@dataclass(frozen=True)
class Payload:
    """Bytes of tensors that one learning step keeps; each storage counts once.

    Args:
        weights: parameters and buffers.
        gradients: what an update carries: gradients and new values, for the largest of several updates.
        optimizer: state of the optimizers.
        memory: the rule's memory.
        saved: most that autograd kept at once for a backward pass; 0 for rules without one.
        live: most that was alive at once while the updates were formed, ``saved``, records, traces and gradients
            included; what was there before (weights, memory, inputs) is not.
    """

    weights: int
    gradients: int
    optimizer: int
    memory: int
    saved: int
    live: int


def payload_bytes(
    network: Network,
    rule: Rule,
    batch: Batch,
    memory: Memory,
    generator: torch.Generator,
    optimizers: Iterable[torch.optim.Optimizer] = (),
) -> Payload:
    """Count the bytes that one learning step keeps, from tensors and not from the machine.

    Kernels for sparse records step aside, so that the numbers follow from the rule, shapes and types, and hardly from
    activity; buffers that kernels keep outside of tensors are not seen.

    Args:
        network, memory, generator: left as they were.
        rule: whose updates are formed, and thrown away.
        batch: the samples.
        optimizers: those of the training; they have a state after the first step.

    Raises:
        ValueError: a network or batch that the rule refuses.
    """
    before = [*network.parameters(), *network.buffers(), *memory.values(), batch.inputs, batch.targets]
    alive, saved = _Alive([*before, *batch.masks.values()]), _Alive([*before, *batch.masks.values()])
    gradients = 0
    with isolated(network, generator) as drawn:
        with _Seen(alive), torch.autograd.graph.saved_tensors_hooks(saved.add, lambda tensor: tensor):
            for update in rule.updates(network, batch, memory, drawn):
                parts = (update.grads, update.own, update.buffers, update.memory)
                gradients = max(gradients, _total(tensor for part in parts for tensor in part.values()))
    states = [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
    return Payload(
        weights=_total([*network.parameters(), *network.buffers()]),
        gradients=gradients,
        optimizer=_total(value for value in states if isinstance(value, Tensor)),
        memory=_total(memory.values()),
        saved=saved.most,
        live=alive.most,
    )


def _total(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages behind tensors, each once."""
    storages = {storage.data_ptr(): storage for storage in (tensor.untyped_storage() for tensor in tensors)}
    return sum(storage.nbytes() for storage in storages.values())


class _Alive:
    """Bytes of the added storages that are alive, and their maximum so far; ``known`` left out."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.storages: dict[Any, int] = {}
        self.now = self.most = 0

    def add(self, tensor: Tensor) -> Tensor:
        if tensor._is_zerotensor():  # of a forward-mode derivative: nothing is stored
            return tensor
        storage = tensor.untyped_storage()
        watched = ref(storage, self._gone)
        if watched not in self.storages and storage.data_ptr() not in self.known:
            self.storages[watched] = storage.nbytes()
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
        return tensor

    def _gone(self, watched: Any) -> None:
        self.now -= self.storages.pop(watched, 0)


class _Seen(TorchDispatchMode):
    """Adds every tensor that torch makes."""

    def __init__(self, alive: _Alive) -> None:
        super().__init__()
        self.alive = alive

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, Tensor):
                self.alive.add(made)
        return result
