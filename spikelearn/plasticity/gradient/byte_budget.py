"""The number of steps of a sequence that can be differentiated at once in a given memory."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network, State, learning_only
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch
from spikelearn.synapses import float_type

MIB = 2**20

#: Steps of the two short runs whose difference is what a step keeps, and samples in them.
SHORT, LONG, SAMPLES = 2, 4, 2

#: Temporary copies of the widest record that a forward or backward pass makes.
BESIDE = 3


class Sizes(NamedTuple):
    """Bytes of a batch.

    Args:
        step: kept for the backward pass, and needed beside it, for every step of a chunk.
        state: kept for every chunk, its first state.
        output: kept for every step of the sequence: the last block's record and the gradients in it.
    """

    step: int
    state: int
    output: int

    def of_chunks(self, steps: int, chunk: int) -> int:
        """Bytes of a sequence of ``steps`` steps in chunks of ``chunk``."""
        return chunk * self.step + -(-steps // chunk) * self.state + steps * self.output

    def least(self, steps: int) -> int:
        """Bytes of that sequence in the chunks that need the least; but for ``output`` it grows with the root of T."""
        return min(self.of_chunks(steps, chunk) for chunk in range(1, steps + 1))


class ByteBudget:
    """A bound on what the backward pass keeps, and the chunks that keep within it.

    Args:
        mib: the bound, MiB.
    """

    def __init__(self, mib: float) -> None:
        self.mib = mib
        # Measured once for each kind of network and batch: the answer does not depend on when it is asked.
        self._known: dict[tuple[Any, ...], Sizes] = {}

    def chunk(self, network: Network, batch: Batch, adjoint: Adjoint, names: list[str]) -> int:
        """The most steps at once that keep within the bound; T where the whole sequence does.

        Raises:
            ValueError: a bound that is too small for any chunk; the least that would do is named.
        """
        inputs, most = batch.inputs, self.mib * MIB
        masks = tuple((place, mask.dtype, mask.shape) for place, mask in batch.masks.items())
        kind = (
            repr(network),
            float_type(network),
            *names,
            inputs.shape[1:],
            inputs.dtype,
            inputs.stride(0) == 0,
            masks,
        )
        if kind not in self._known:
            self._known[kind] = sizes_of(network, batch, adjoint, names)
        sizes, steps = self._known[kind], len(inputs)
        if steps * (sizes.step + sizes.output) <= most:
            return steps
        within = [chunk for chunk in range(1, steps + 1) if sizes.of_chunks(steps, chunk) <= most]
        if not within:
            raise ValueError(
                f"memory_budget is {self.mib:g} MiB, but {steps} steps of {batch.size} samples need at least "
                f"{sizes.least(steps) / MIB:.4g} MiB: raise it, or take smaller batches"
            )
        return within[-1]


def sizes_of(network: Network, batch: Batch, adjoint: Adjoint, names: list[str]) -> Sizes:
    """Bytes of a batch, from two short runs of a few samples.

    They follow from shapes alone, not from values: a resumed run must choose the same chunk. That is why the runs are
    small and their inputs all ones, for which no fast path for sparse records is taken.
    """
    samples = min(SAMPLES, batch.size)
    masks = {place: mask[:samples] for place, mask in batch.masks.items()}
    kept, state, output = 0, 0, 0
    widest = max(math.prod(shape) for shape in network.shapes(batch.inputs[0, :samples]).values())
    with learning_only(network, names), network.presentation(), torch.enable_grad():
        for steps, sign in ((LONG, 1), (SHORT, -1)):
            saved = _Kept(_ones(batch.inputs, steps, samples))
            with torch.autograd.graph.saved_tensors_hooks(saved.add, lambda tensor: tensor):
                record, after = network.run(saved.inputs, adjoint=adjoint, masks=masks, output_only=True)
            kept += sign * sum(saved.storages.values())
            state, output = _state_bytes(after), _bytes(record.output.spikes) // steps
            del record, after
    scale = batch.size / samples
    beside = BESIDE * widest * samples * float_type(network).itemsize
    return Sizes(round((kept / (LONG - SHORT) + beside) * scale), round(state * scale), round(4 * output * scale))


class _Kept:
    """Storages that autograd keeps, each counted once; the inputs are there anyway."""

    def __init__(self, inputs: Tensor) -> None:
        self.inputs = inputs
        self.storages: dict[int, int] = {}

    def add(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() != self.inputs.untyped_storage().data_ptr():
            self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor


def _ones(inputs: Tensor, steps: int, samples: int) -> Tensor:
    once = inputs.new_ones(1, samples, *inputs.shape[2:])
    constant = inputs.shape[0] > 1 and inputs.stride(0) == 0
    return once.expand(steps, *once.shape[1:]) if constant else once.repeat(steps, *(1 for _ in once.shape[1:]))


def _state_bytes(state: State) -> int:
    return sum(map(_bytes, state.tensors().values()))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
