"""Memory of a block of code as the machine sees it, and of a learning step as tensors add up."""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from weakref import ref

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from spikelearn.allocator import give_back_freed_memory
from spikelearn.measure.isolation import isolated
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Memory, Rule

Method = Literal["cuda", "resident", "high-water"]


class PeakMemory:
    """Context in which the highest use of memory is measured.

    After it ``peak_bytes`` is the highest use inside, ``rise_bytes`` by how much that is above the use at the start,
    and ``method`` how it was found: "cuda", of torch's allocator on that device; "resident", of the whole process, on
    Linux, where the kernel's mark is reset at the start; "high-water", of the whole process since it was started, where
    that cannot be: then ``rise_bytes`` is None, with the ``reason``, unless the mark rose.

    What was freed before goes back to the system first (with glibc). What an earlier block left in use, such as
    libraries that it imported, still counts towards the peak: to the byte, compare peaks of fresh processes.

    Args:
        device: whose memory; "cpu" or a "cuda" device.

    Source: proc(5), ``clear_refs`` and ``VmHWM``; getrusage(2); ``torch.cuda.max_memory_allocated``.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.method: Method = "cuda" if self.device.type == "cuda" else "high-water"
        self.peak_bytes: int | None = None
        self.rise_bytes: int | None = None
        self.reason = "the block has not ended"
        self._start = self._most = 0

    def __enter__(self) -> Self:
        gc.collect()
        self._reset()
        if self.method == "cuda":
            self._start = torch.cuda.memory_allocated(self.device)
        else:
            self._start = _status("VmRSS") if self.method == "resident" else _high_water()
        return self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out of the count what is used, but for the method "high-water"."""
        if self.method != "high-water":
            self._most = max(self._most, self._mark())
        try:
            yield
        finally:
            if self.method != "high-water":
                self._reset()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.reason = ""
        if self.method == "high-water":
            self._end_high_water()
            return
        self.peak_bytes = max(self._most, self._mark())
        self.rise_bytes = self.peak_bytes - self._start

    def _reset(self) -> None:
        if self.method == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        give_back_freed_memory()
        if _reset_resident_peak():
            self.method = "resident"

    def _mark(self) -> int:
        """Highest use since the last reset, bytes."""
        return torch.cuda.max_memory_allocated(self.device) if self.method == "cuda" else _status("VmHWM")

    def _end_high_water(self) -> None:
        peak = _high_water()
        if peak > self._start:
            self.peak_bytes = peak
            return
        self.reason = "the process used more before, and this system does not reset its mark: measure in a fresh one"


def _reset_resident_peak() -> bool:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return "VmHWM" in Path("/proc/self/status").read_text()
    return False


def _status(name: str) -> int:
    """An entry of the process's status, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _high_water() -> int:
    """Most resident memory since the process was started, bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    # macOS counts bytes, others KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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
