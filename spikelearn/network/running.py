"""The two ways to run a network: layer by layer, and step by step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from spikelearn.events import share_active
from spikelearn.network.arguments import as_taken
from spikelearn.network.arrivals import arriving_record, driven, stacked
from spikelearn.network.block import Block, Edge, Feedforward
from spikelearn.network.currents import arriving, joined
from spikelearn.network.derivatives import Steps
from spikelearn.network.drawing import at_rest
from spikelearn.network.graph import Graph
from spikelearn.network.layerwise import layers, masked_once
from spikelearn.network.masks_and_delays import delayed, drive_edge, masked
from spikelearn.network.presentation import keep_states, running_statistics
from spikelearn.network.records import Activity, Record, State
from spikelearn.neurons import Adjoint
from spikelearn.synapses import float_type

Tensors = Mapping[str, Tensor]

#: {place of an edge: what met its weights at a step, and the current}, where that has been found before.
Ahead = Mapping[str, tuple[Tensor, Tensor]]
NOTHING_AHEAD: Ahead = {}


def run_layer_by_layer(
    graph: Graph,
    inputs: Tensor,
    state: State | None,
    adjoint: Adjoint,
    inject: Tensors,
    masks: Tensors,
    cut: bool,
    output_only: bool,
) -> tuple[Record, State]:
    """Every block over all steps before the next: where no edge goes back."""
    activity: dict[str, Activity] = {}
    met: dict[str, Tensor] = {}
    rates, errors, after = {}, {}, State.empty()
    for layer in layers(graph, inputs, state, adjoint, inject, masks, cut=cut, output_only=output_only, after=after):
        name = layer.name
        if output_only and name not in graph.outputs:
            rates[name] = share_active(layer.activity.spikes)
        else:
            activity[name] = layer.activity
        met |= {} if output_only else layer.met
        if layer.errors is not None:
            errors[name] = layer.errors
        del layer
    return Record(activity, {}, rates, errors, feedforward=met, outputs=graph.outputs), after


def run_step_by_step(
    graph: Graph, inputs: Tensor, state: State | None, adjoint: Adjoint, inject: Tensors, masks: Tensors, cut: bool
) -> tuple[Record, State]:
    """All blocks at one step before the next, and the records stacked."""
    # States are let go as they pass: a list of all would hold every membrane of every step.
    records, last = [], state
    for record, after in steps(graph, inputs, state, adjoint, inject, masks, cut):
        records.append(record)
        last = after
    assert last is not None
    activity = {
        name: Activity(
            stacked(block, [r[name].pre for r in records]),
            torch.stack([r[name].spikes for r in records]),
            torch.stack([r[name].v for r in records]),
        )
        for name, block in graph.blocks.items()
    }
    feedback = {name: stacked(edge, [r.feedback[name] for r in records]) for name, edge in graph.feedback.items()}
    joining = {name: stacked(edge, [r.feedforward[name] for r in records]) for name, edge in graph.feedforward.items()}
    return Record(activity, feedback, feedforward=joining, outputs=graph.outputs), last


def steps(
    graph: Graph, inputs: Tensor, state: State | None, adjoint: Adjoint, inject: Tensors, masks: Tensors, cut: bool
) -> Steps:
    """Step by step, the synapses that the inputs feed mapped for all steps at once."""
    places = graph.places
    fed = [place for place in graph.wiring.fed if not places[place].dynamic]
    looked_at = len(fed) < len(graph.wiring.fed)
    inputs = as_taken(graph, inputs, masks)
    state = state or initial_state(graph, inputs[0])
    x = masked_once(inputs, masks, "inputs")
    ahead, on_their_way = {}, {}
    for place in fed:
        edge, pre = places[place], x
        assert isinstance(edge, Block | Feedforward)
        if edge.delay:
            pre, rest = delayed(x, edge.delay, state.delay_lines.get(place))
            on_their_way[place] = edge.delay, torch.cat([pre, rest])
        current = masked_once(drive_edge(place, edge, pre), masks, _of_current(place))
        ahead[place] = pre.unbind(0), current.unbind(0)
    given = {block: values.unbind(0) for block, values in inject.items()}
    with running_statistics([edge.synapse for place, edge in places.items() if place not in fed]):
        for t in range(len(inputs)):
            now = {place: (pre[t], current[t]) for place, (pre, current) in ahead.items()}
            injected_now = {block: values[t] for block, values in given.items()}
            record, state = advance(graph, x[t] if looked_at else None, now, state, adjoint, injected_now, masks, cut)
            for place, (delay, line) in on_their_way.items():
                lines = state.delay_lines | {place: line[t + 1 : t + 1 + delay]}
                state = state._replace(delay_lines=lines)
            state = (yield record, state) or state
    keep_states(graph.blocks, state.neurons)


def _of_current(place: str) -> str:
    """The place of a mask on the current of an edge."""
    return place if "." in place else f"{place}.synapse"


def advance(
    graph: Graph,
    x: Tensor | None,
    ahead: Ahead,
    state: State,
    adjoint: Adjoint,
    inject: Tensors,
    masks: Tensors,
    cut: bool,
) -> tuple[Record, State]:
    """One step; ``x``, the input with its mask, is None where all that the inputs feed is in ``ahead``."""
    activity: dict[str, Activity] = {}
    joining: dict[str, Tensor] = {}
    met: dict[str, Tensor] = {}
    after = State(dict(state.neurons), dict(state.delay_lines), dict(state.sent), dict(state.releases))
    wiring = graph.wiring
    now = {} if x is None else {"inputs": x}
    for name, block in graph.blocks.items():
        if name in ahead:
            pre, current = ahead[name]
        else:
            pre, current = _met(name, block, now[wiring.sources[name]], after)
            current = masked(current, masks, f"{name}.synapse", steps=False)
        others: dict[str, Tensor] = {}
        for place in wiring.joining[name]:
            edge, at = graph.feedforward[place], f"feedforward.{place}"
            if at in ahead:
                joining[place], more = ahead[at]
            else:
                joining[place], more = _met(at, edge, now[edge.source], after)
            own = {} if at in ahead else masks
            current = joined(block, current, others, edge.current, more, own, at, steps=False)
        for place in wiring.returning[name]:
            back = graph.feedback[place]
            met[place], more = _met(f"feedback.{place}", back, state.sent[back.source], after)
            current = joined(block, current, others, back.current, more, masks, f"feedback.{place}", steps=False)
        taken, before = arriving(block, current, others, inject, name), after.neurons.get(name)
        if before is None:
            before = at_rest(graph, name, current)
            block.neuron.check_state(before, taken)
        z, v, after.neurons[name] = adjoint.step(block.neuron, before, taken)
        spikes = masked(z, masks, name, steps=False)
        activity[name] = Activity(pre, spikes, v)
        now[name] = spikes.detach() if cut else spikes
        if name in wiring.sending:
            after.sent[name] = now[name]
    record = Record(activity, met, feedforward=joining, outputs=graph.outputs, leading=1)
    return record, after


def _met(place: str, edge: Edge, spikes: Tensor, state: State) -> tuple[Tensor, Tensor]:
    """What meets an edge's weights, [B, ...], and its current, given the ``spikes`` sent now; moves ``state`` on."""
    pre, line = arriving_record(place, edge, spikes.unsqueeze(0), state, state)
    return pre[0], driven(place, edge, pre, line)[0]


def initial_state(graph: Graph, x: Tensor) -> State:
    """State before the first step: neurons start at rest when first driven, feedback sources are silent."""
    if not graph.feedback:
        return State.empty()
    shapes = graph.shapes(x)
    spikes = x.new_empty(0, dtype=x.dtype if x.is_floating_point() else float_type(graph))
    silent = {name: spikes.new_zeros(x.shape[0], *shape) for name, shape in shapes.items()}
    sources = {name: (graph.wiring.sources[name], _held(block)) for name, block in graph.blocks.items()}
    sources |= {f"feedforward.{name}": (edge.source, _held(edge)) for name, edge in graph.feedforward.items()}
    lines = {
        place: (like := x if source == "inputs" else silent[source]).new_zeros(delay, *like.shape)
        for place, (source, delay) in sources.items()
        if delay
    }
    return State({}, lines, {edge.source: silent[edge.source] for edge in graph.feedback.values()}, {})


def _held(edge: Edge) -> int:
    """Steps that an edge holds back from the start; what a release makes is held when it is first known."""
    return 0 if edge.release is not None else edge.delay + edge.longest
