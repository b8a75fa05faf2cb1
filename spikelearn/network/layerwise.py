"""A run that goes layer by layer: every block over all steps before the next, where no edge goes back."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.events import detached
from spikelearn.fused import ErrorCount, error_count, filled, layer_scan, scan
from spikelearn.network.arguments import as_taken
from spikelearn.network.arrivals import arriving_record, driven
from spikelearn.network.block import Block
from spikelearn.network.currents import arriving, joined
from spikelearn.network.drawing import at_rest
from spikelearn.network.graph import Graph
from spikelearn.network.masks_and_delays import masked
from spikelearn.network.presentation import keep_states
from spikelearn.network.records import Activity, State
from spikelearn.neurons import Adjoint

Tensors = Mapping[str, Tensor]


class BlockActivity(NamedTuple):
    """The activity of one block of a run.

    Args:
        name: of the block.
        activity: of all steps, [T, B, ...], with the graph of its own derivatives.
        met: {further forward edge into it: what met the weights}.
        errors: number of non-zero surrogate derivatives, which the backward pass fills in; None: not counted.
    """

    name: str
    activity: Activity
    met: dict[str, Tensor]
    errors: ErrorCount | None


def layers(
    graph: Graph,
    inputs: Tensor,
    state: State | None,
    adjoint: Adjoint,
    inject: Tensors,
    masks: Tensors,
    *,
    cut: bool,
    cut_behind: Collection[str] = (),
    output_only: bool = False,
    after: State | None = None,
) -> Iterator[BlockActivity]:
    """Every block over all steps, one after the other; of what it did no more is kept than later blocks take.

    Args:
        graph: without feedback edges.
        inputs, state, adjoint, inject, masks, cut, output_only: as in ``Network.run``.
        cut_behind: blocks behind which no derivative goes on, as in ``Network.layers``.
        after: an empty state, which is filled; None: the state after the run, which holds every block's graph, is not
            asked for.
    """
    before, left = state or State.empty(), State.empty() if after is None else after
    wiring = graph.wiring
    sent = {"inputs": masked_once(as_taken(graph, inputs, masks), masks, "inputs")}
    for name, block in graph.blocks.items():
        met: dict[str, Tensor] = {}
        pre, line = arriving_record(name, block, sent[wiring.sources[name]], before, left)
        scanned = None
        if line is None and name not in inject and f"{name}.synapse" not in masks and not wiring.joining[name]:
            reader = wiring.only_reader.get(name)
            unseen = output_only and reader is not None and not _looks_back(graph.blocks[reader])
            # In inference mode nothing can be kept with a tensor, so it must have its values.
            hollow = unseen and not cut and name not in masks and not torch.is_inference_mode_enabled()
            scanned = layer_scan(adjoint, block.synapse, block.neuron, before.neurons.get(name), pre, hollow=hollow)
        if scanned is None:
            pre = filled(pre)
            current = masked(driven(name, block, pre, line), masks, f"{name}.synapse", steps=True)
            others: dict[str, Tensor] = {}
            for place in wiring.joining[name]:
                edge, at = graph.feedforward[place], f"feedforward.{place}"
                met[place], line = arriving_record(at, edge, sent[edge.source], before, left)
                more = driven(at, edge, met[place], line)
                current = joined(block, current, others, edge.current, more, masks, at, steps=True)
            start = before.neurons.get(name) or at_rest(graph, name, current[0])
            scanned = scan(adjoint, block.neuron, start, arriving(block, current, others, inject, name))
            del current, others
        z, v, last = scanned
        keep_states({name: block}, {name: last})
        if after is not None:
            after.neurons[name] = last
        spikes = masked(z, masks, name, steps=True)
        sent[name] = detached(spikes) if cut else spikes
        for source in wiring.released[name]:
            del sent[source]
        if name in cut_behind:
            sent = {source: detached(record) for source, record in sent.items()}
        layer = BlockActivity(name, Activity(pre, spikes, v), met, error_count(z))
        del met, pre, line, z, v, last, spikes, scanned
        yield layer
        del layer


def _looks_back(block: Block) -> bool:
    """Tell whether a block's own synapse needs more of what its source sent than goes through a kernel."""
    return block.delay > 0 or block.dynamic


def masked_once(record: Tensor, masks: Tensors, place: str) -> Tensor:
    """A record [T, B, ...] with the mask of its place; one that is constant in time stays stored once."""
    if place in masks and record.shape[0] > 1 and record.stride(0) == 0:
        return masked(record[:1], masks, place, steps=True).expand_as(record)
    return masked(record, masks, place, steps=True)
