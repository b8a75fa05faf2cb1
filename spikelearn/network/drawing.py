"""Random numbers of neurons: the seeds of the samples of one presentation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import check_shape, check_tensor
from spikelearn.network.graph import Graph
from spikelearn.neurons.parts.streams import streams


def drawn_seeds(samples: int, generator: torch.Generator) -> Tensor:
    """Seeds from which random neurons draw, one for each sample of a batch, int64 [B]."""
    return torch.randint(2**62, (samples,), generator=generator, device=generator.device)


@contextmanager
def drawing(graph: Graph, seeds: Tensor) -> Iterator[None]:
    """Have runs that start anew draw from ``seeds``, one for each sample, int64 [B]; on leaving as before."""
    check_tensor("seeds", seeds, "one for each sample, int64 [B]")
    check_shape("seeds", seeds, (seeds.numel(),), "one for each sample, int64 [B]")
    if seeds.dtype != torch.int64:
        raise ValueError(f"seeds have type {seeds.dtype}, expected torch.int64: one for each sample")
    before = graph.seeds
    graph.seeds = seeds
    try:
        yield
    finally:
        graph.seeds = before


def at_rest(graph: Graph, name: str, current: Tensor) -> Any:
    """The state of block ``name`` before its first step, for its ``current`` [B, ...].

    Raises:
        ValueError: neurons whose constants do not fit the current.
    """
    neuron = graph.blocks[name].neuron
    try:
        neuron.check_constants(current)
        state = neuron.initial_state(current)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if not neuron.random:
        return state
    seeds = torch.arange(len(current)) if graph.seeds is None else graph.seeds[: len(current)]
    return state._replace(stream=streams(seeds, name, current))
