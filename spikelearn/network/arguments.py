"""Checks of the arguments of a run, and the type in which inputs are taken."""

from collections.abc import Mapping

from torch import Tensor

from spikelearn.checks import check_record_finite, check_record_type, check_spike_bytes, one_of
from spikelearn.events import alike
from spikelearn.fast_path import is_plain
from spikelearn.network.currents import canonical
from spikelearn.network.graph import Graph
from spikelearn.network.records import State
from spikelearn.synapses import float_type


def check_inputs(graph: Graph, inputs: Tensor, layout: str) -> None:
    """Raise ValueError for inputs of another type or shape; ``layout`` writes the shape of one image as {}."""
    check_record_type("inputs", inputs)
    check_spike_bytes("inputs", inputs)
    leading = layout.split("{")[0].count(",")
    if graph.input_shape is not None and tuple(inputs.shape[leading:]) != graph.input_shape:
        expected = layout.format(", ".join(map(str, graph.input_shape)))
        raise ValueError(f"inputs have shape {list(inputs.shape)}, expected {expected}")


def check_state(graph: Graph, state: State | None) -> None:
    """Raise ValueError for a state of another network."""
    if state is not None and set(state.neurons) != set(graph.blocks):
        raise ValueError(
            f"state has neurons of the blocks {sorted(state.neurons)}, expected {sorted(graph.blocks)}: it is of "
            "another network, start with state=None"
        )


def check_places(graph: Graph, inject: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    """Raise ValueError for a current or a mask at a place that does not exist."""
    canonical(graph.blocks, inject)
    if not masks:
        return
    places = ["inputs", *graph.blocks, *(f"{b}.synapse" for b in graph.blocks)]
    places += [f"feedforward.{edge}" for edge in graph.feedforward] + [f"feedback.{edge}" for edge in graph.feedback]
    for place in masks:
        if place not in places:
            raise ValueError(f"masks names the place {place!r}, expected {one_of(place, places)}")


def check_finite(inputs: Tensor, state: State | None, inject: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a value is NaN or infinite, which would be silence behind a threshold."""
    currents = {f"current injected into {name!r}": current for name, current in inject.items()}
    for name, value in {"inputs": inputs, **currents, **(state.tensors() if state else {})}.items():
        if is_plain(value):
            check_record_finite(name, value, "take the sample out, or start anew with state=None")


def as_taken(graph: Graph, inputs: Tensor, masks: Mapping[str, Tensor]) -> Tensor:
    """Inputs in the network's type; bytes as they are, unless a mask or a synapse without weights needs values."""
    fed = [graph.at(place).synapse for place in graph.wiring.fed]
    weights = all(any(p.is_floating_point() for p in synapse.parameters()) for synapse in fed)
    own = float_type(fed[0] if weights else graph)
    if inputs.dtype == own or (not inputs.is_floating_point() and "inputs" not in masks and weights):
        return inputs
    if inputs.shape[0] > 1 and inputs.stride(0) == 0:
        return inputs[:1].to(own).expand_as(inputs)
    return alike(inputs.to(own), inputs)
