"""Recording plans: which variable of which neurons is kept, every how many steps."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, one_of
from spikelearn.network import Network, State
from spikelearn.synapses import SparseLinear, as_linear

#: Variables that every block has besides those of its neurons' state.
OF_EVERY_BLOCK = ("spikes", "v")

#: The variable of neurons whose threshold moves.
THRESHOLD = "threshold"

#: The variable of an edge.
WEIGHT = "weight"

#: The place of what the network is given.
INPUTS = "inputs"

_ITEM = re.compile(r"(?P<place>[^:]+):(?P<variable>[^:]+)(?::(?P<neurons>[\d,\-]+))?(?::every=(?P<every>\d+))?")


class Recorded(NamedTuple):
    """One variable that is kept.

    Args:
        place: a block, ``inputs``, or for weights a block or an edge ``feedback.NAME``, ``feedforward.NAME``.
        variable: ``spikes``, as events; ``v``, what was compared with the threshold; a variable of the neurons' state,
            behind the step; ``threshold`` where it moves, which the next step meets; ``weight``, behind the step.
        neurons: numbers in the flat population, of weights those of the targets; None: all.
        every: it is kept at the steps that this divides, counted from 0; of spikes 1.
    """

    place: str
    variable: str = "spikes"
    neurons: tuple[int, ...] | None = None
    every: int = 1

    def __str__(self) -> str:
        neurons = "" if self.neurons is None else ":" + ",".join(map(str, self.neurons))
        return f"{self.place}:{self.variable}{neurons}" + (f":every={self.every}" if self.every != 1 else "")

    @property
    def name(self) -> str:
        """Where it lies in a recording."""
        return f"{self.place}/{self.variable}"


def read_plan(items: Iterable[str | Recorded]) -> tuple[Recorded, ...]:
    """A plan, of items as ``fc1:spikes``, ``fc1:v:0-9,20:every=10``, ``out:weight:every=1000``.

    Raises:
        ValueError: an item that is written otherwise, a variable of a block that is named twice.
    """
    plan = tuple(item if isinstance(item, Recorded) else _read(item) for item in items)
    names = [item.name for item in plan]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the plan records {name} twice, expected each variable of a block once: join its neurons")
    return plan


def _read(item: str) -> Recorded:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(
            f"the plan has {item!r}, expected BLOCK:VARIABLE, NEURONS and every=STEPS if wanted, as fc1:v:0-9:every=10"
        )
    neurons = found["neurons"]
    return Recorded(
        found["place"],
        found["variable"],
        None if neurons is None else tuple(_numbers(item, neurons)),
        int(found["every"] or 1),
    )


def _numbers(item: str, text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first or (dash and (not last.isdigit() or int(last) < int(first))):
            raise ValueError(f"the plan has {item!r} with neurons {part!r}, expected a number or FIRST-LAST")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


class Joined(NamedTuple):
    """Weights of an edge that are kept: the layer, which of its weights, and the neurons that they join."""

    layer: nn.Module
    which: Tensor
    pre: Tensor
    post: Tensor

    def values(self) -> Tensor:
        """The weights as they stand, [K]."""
        weight: Tensor = self.layer.get_parameter(WEIGHT)
        return weight.detach().flatten()[self.which]


def check_plan(plan: Iterable[Recorded], network: Network, sizes: Mapping[str, int], state: State) -> None:
    """Raise ValueError where a network does not have what a plan names.

    Args:
        plan: what is kept.
        network: what is simulated.
        sizes: {place: neurons}, of the inputs and of every block.
        state: of the network behind a step.
    """
    for item in plan:
        check_count(f"every of {item}", item.every)
        if item.variable == WEIGHT:
            joined(network, item)
            continue
        if item.place not in sizes:
            raise ValueError(f"the plan names {item.place!r}, expected {one_of(item.place, list(sizes))}")
        fields = () if item.place == INPUTS else getattr(state.neurons[item.place], "_fields", ())
        own = tuple(name for name in fields if name not in (*OF_EVERY_BLOCK, "stream", "rest"))
        known = ("spikes",) if item.place == INPUTS else (*OF_EVERY_BLOCK, *_moving(network, state, item), *own, WEIGHT)
        if item.variable not in known:
            raise ValueError(f"{item.place} has no variable {item.variable!r}, expected {', '.join(known)}")
        if item.variable == "spikes" and item.every != 1:
            raise ValueError(f"the plan has {item}, but spikes are events, which are kept one by one: leave out every")
        _check_neurons(item, sizes[item.place])


def _moving(network: Network, state: State, item: Recorded) -> tuple[str, ...]:
    rise = network.blocks[item.place].neuron.threshold_rise(state.neurons[item.place])
    return () if rise is None else (THRESHOLD,)


def of_state(item: Recorded, network: Network, state: State) -> Tensor:
    """A variable of a block's neurons behind a step, [B, ...]: of their state, or their threshold."""
    neuron, own = network.blocks[item.place].neuron, state.neurons[item.place]
    if item.variable == THRESHOLD:
        rise = neuron.threshold_rise(own)
        assert rise is not None, "a plan asks for moving thresholds alone"
        threshold: Tensor = rise + neuron.v_threshold
        return threshold
    values: Tensor = getattr(own, item.variable)
    return values


def _check_neurons(item: Recorded, size: int) -> None:
    for neuron in item.neurons or ():
        if not 0 <= neuron < size:
            raise ValueError(f"the plan names neuron {neuron} of {item.place}, expected 0 to {size - 1}")
    if item.neurons is not None and (len(set(item.neurons)) < len(item.neurons) or not item.neurons):
        raise ValueError(f"the plan names neurons {list(item.neurons)} of {item.place}, expected each once")


def joined(network: Network, item: Recorded) -> Joined:
    """The weights that an item names.

    Raises:
        ValueError: an edge that is not there, or whose weights are neither those of nn.Linear nor listed ones.
    """
    edges = {_short(prefix): synapse for prefix, synapse in network.synapses().items()}
    if item.place not in edges:
        raise ValueError(f"the plan names the edge {item.place!r}, expected {one_of(item.place, list(edges))}")
    synapse: Any = edges[item.place]
    layer = synapse if isinstance(synapse, SparseLinear) else as_linear(synapse)
    if layer is None:
        raise ValueError(f"weights of {item.place} are not recorded, expected nn.Linear or listed connections there")
    if isinstance(layer, SparseLinear):
        pre, post = layer.sources.long(), layer.targets.long()
    else:
        post, pre = (axis.flatten() for axis in torch.meshgrid(*map(torch.arange, layer.weight.shape), indexing="ij"))
    _check_neurons(item, layer.out_features)
    kept = torch.ones_like(post, dtype=torch.bool)
    if item.neurons is not None:
        kept = torch.isin(post, torch.tensor(item.neurons))
    which = kept.nonzero().squeeze(1)
    return Joined(layer, which, pre[which], post[which])


def _short(prefix: str) -> str:
    """What an edge is called, of the name that its parameters begin with."""
    kind, edge, *_ = prefix.split(".")
    return edge if kind == "blocks" else f"{kind}.{edge}"
