"""The blocks and edges that a network is made of, and which take from which."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from spikelearn.checks import one_of
from spikelearn.network.arrivals import arriving_record, check_dt, driven
from spikelearn.network.block import Block, Edge, Feedback, Feedforward
from spikelearn.network.laws import Sign, hold_delays, hold_signs, take_signs
from spikelearn.network.presentation import copied_buffers, running_statistics
from spikelearn.network.records import Record, State
from spikelearn.synapses import as_linear


class Wiring(NamedTuple):
    """Edges of a network by name; an edge's place is ``<block>`` or ``feedforward.<edge>``.

    Args:
        sources: {block: block whose spikes its own synapse takes, or "inputs"}.
        joining: {block: further forward edges into it}.
        returning: {block: feedback edges into it}.
        fed: places of the edges that take the inputs, blocks first.
        only_reader: {block: the block whose own synapse alone takes its spikes, and nothing joins it there}, where so.
        released: {block: sources that no later block takes}.
        sending: blocks that send feedback.
        chain: whether every block takes from the one before and from nothing else, and the last one is read.
    """

    sources: dict[str, str]
    joining: dict[str, tuple[str, ...]]
    returning: dict[str, tuple[str, ...]]
    fed: tuple[str, ...]
    only_reader: dict[str, str]
    released: dict[str, tuple[str, ...]]
    sending: frozenset[str]
    chain: bool


class Graph(nn.Module):
    """Blocks in order, each of which takes the spikes of an earlier one, further forward edges, and feedback edges.

    Args:
        blocks: {name: Block}, in order.
        feedback: {edge name: Feedback}.
        feedforward: {edge name: Feedforward}.
        outputs: names of the blocks that are read; None: the last.
        input_shape: shape of one image; None: not known.

    Raises:
        ValueError: no block, a name that cannot be used, an edge of an unknown block, a forward edge to an earlier
            block or feedback to a later one, synapses that share a parameter.
    """

    #: From what random neurons draw in runs that start anew, one seed a sample, int64 [B]; None: 0, 1, 2, ...
    seeds: Tensor | None = None

    def __init__(
        self,
        blocks: Mapping[str, Block],
        feedback: Mapping[str, Feedback],
        feedforward: Mapping[str, Feedforward],
        outputs: str | Sequence[str] | None,
        input_shape: Sequence[int] | None,
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("blocks is empty, expected at least one {name: Block(synapse, neuron)}")
        outputs = list(blocks)[-1:] if outputs is None else outputs
        #: Names of the blocks that the readout reads.
        self.outputs: tuple[str, ...] = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        #: Who takes from whom, by name.
        self.wiring = _wiring_of(blocks, feedforward, feedback, self.outputs)
        #: {source: sign of its weights}; see ``with_signs``.
        self.signs: dict[str, Sign] = {}
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.blocks: Mapping[str, Block] = nn.ModuleDict(blocks)  # type: ignore[assignment]
        self.feedforward: Mapping[str, Feedforward] = nn.ModuleDict(feedforward)  # type: ignore[assignment]
        self.feedback: Mapping[str, Feedback] = nn.ModuleDict(feedback)  # type: ignore[assignment]
        _check_sharing(self)
        for place, edge in self.places.items():
            check_dt(place, edge, self.blocks[edge.target if isinstance(edge, Feedforward | Feedback) else place])

    def edges(self, record: Record) -> Iterator[tuple[str, nn.Module, Tensor, str]]:
        """Every weighted edge, forward and feedback alike: (parameter prefix, synapse, pre, target block)."""
        for name, block in self.blocks.items():
            yield f"blocks.{name}.synapse.", block.synapse, record[name].pre, name
        for name, joining in self.feedforward.items():
            yield f"feedforward.{name}.synapse.", joining.synapse, record.feedforward[name], joining.target
        for name, edge in self.feedback.items():
            yield f"feedback.{name}.synapse.", edge.synapse, record.feedback[name], edge.target

    def currents(self) -> dict[str, str]:
        """{parameter prefix of an edge: the current that it drives, block or block.current, as ``inject`` names it}."""
        driven = {f"blocks.{name}.synapse.": name for name in self.blocks}
        further = {f"feedforward.{name}": (edge.target, edge.current) for name, edge in self.feedforward.items()}
        further |= {f"feedback.{name}": (edge.target, edge.current) for name, edge in self.feedback.items()}
        for path, (target, current) in further.items():
            own = current in (None, self.blocks[target].current)
            driven[f"{path}.synapse."] = target if own else f"{target}.{current}"
        return driven

    def from_sources(self) -> Iterator[tuple[str, str, nn.Module, bool]]:
        """(module path of the synapse, source, synapse, whether it opens an inhibitory conductance) of every edge."""
        for name, block in self.blocks.items():
            yield f"blocks.{name}.synapse", self.wiring.sources[name], block.synapse, block.current == "inhibitory"
        for kind, edges in (("feedforward", self.feedforward), ("feedback", self.feedback)):
            for name, edge in edges.items():
                current = edge.current or self.blocks[edge.target].current
                yield f"{kind}.{name}.synapse", edge.source, edge.synapse, current == "inhibitory"

    def with_signs(self, signs: Mapping[str, Sign]) -> Self:
        """Dale's law: neurons that send by weights of one sign alone, forward and back; returns the network.

        The weights of the edges from these sources take that sign at once and keep their size. From then on ``learn``
        holds them to it after every step, whatever rule, optimizer and constraints there are, and so do rules whose
        weights change while a batch is presented: what would change its sign becomes 0. Weights that open a conductance
        are positive, and those of inhibitory neurons must be the ones that drive the current ``inhibitory``.

        Args:
            signs: {block, or "inputs": "excitatory", "inhibitory", or how many of its neurons, counted from the first,
                are excitatory while the others are inhibitory}.

        Raises:
            ValueError: an unknown block or sign, a synapse in which no single layer of weights can keep it.

        Source: Eccles, Fatt & Koketsu, Journal of Physiology 126, 1954.
        """
        take_signs(self, signs, ["inputs", *self.blocks])
        self.signs = {**self.signs, **signs}
        return self

    def hold_laws(self, changed: Collection[str]) -> None:
        """Make the ``changed`` parameters fulfil what no step may break: signs of neurons, ranges of learned delays."""
        hold_signs(self, changed)
        hold_delays(self, changed)

    @property
    def random(self) -> bool:
        """True if a neuron draws random numbers."""
        return any(block.neuron.random for block in self.blocks.values())

    @property
    def places(self) -> dict[str, Edge]:
        """Every edge by the place of its current: ``<block>``, ``feedforward.<edge>``, ``feedback.<edge>``."""
        joining = {f"feedforward.{name}": edge for name, edge in self.feedforward.items()}
        return {**self.blocks, **joining, **{f"feedback.{name}": edge for name, edge in self.feedback.items()}}

    def at(self, place: str) -> Edge:
        """The edge of one place, found without looking at the others: every step asks for it."""
        kind, _, name = place.rpartition(".")
        if not kind:
            return self.blocks[name]
        return self.feedforward[name] if kind == "feedforward" else self.feedback[name]

    def synapses(self) -> dict[str, nn.Module]:
        """{parameter prefix: synapse} of every edge, named and ordered as by ``edges``."""
        return {f"{_path(place)}.synapse.": edge.synapse for place, edge in self.places.items()}

    def into(self, name: str) -> list[tuple[str, str, nn.Module]]:
        """(path of the edge, source, synapse) of every forward edge into a block, its own first."""
        edges = [(f"feedforward.{edge}", self.feedforward[edge]) for edge in self.wiring.joining[name]]
        own = (f"blocks.{name}", self.wiring.sources[name], self.blocks[name].synapse)
        return [own, *((path, edge.source, edge.synapse) for path, edge in edges)]

    def shapes(self, x: Tensor) -> dict[str, tuple[int, ...]]:
        """Shape of every block's neurons, without the batch, for inputs shaped like ``x`` [B, ...]."""
        return _block_shapes(self.blocks, self.wiring.sources, x)


def _path(place: str) -> str:
    """The module path of an edge."""
    return place if "." in place else f"blocks.{place}"


def _check_sharing(network: nn.Module) -> None:
    """Raise ValueError where two synapses share a parameter."""
    names: dict[Tensor, str] = {}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if parameter in names:
            raise ValueError(
                f"{names[parameter]} and {name} are one and the same parameter, which no rule can give two changes: "
                "use a copy (copy.deepcopy(synapse))"
            )
        names[parameter] = name


def _block_shapes(blocks: Mapping[str, Block], sources: Mapping[str, str], x: Tensor) -> dict[str, tuple[int, ...]]:
    """Shape of every block's neurons, without the batch, found by mapping one silent step."""
    silent = {"inputs": torch.zeros_like(x, requires_grad=False).unsqueeze(0)}
    for name, block in blocks.items():
        given, linear = silent[sources[name]], as_linear(block.synapse)
        flat = linear is not block.synapse or given.ndim == 3
        if linear is not None and flat and math.prod(given.shape[2:]) == linear.in_features:
            # Known without a run, which would take a part of a small network's training step.
            shape = block.neuron.shape_of(torch.Size([linear.out_features]))
            silent[name] = linear.weight.new_zeros(1).expand(*given.shape[:2], *shape)
            continue
        with torch.no_grad(), copied_buffers(block.synapse), running_statistics([block.synapse]):
            pre, line = arriving_record(name, block, silent[sources[name]], State.empty(), State.empty())
            current = driven(name, block, pre, line)
            shape = block.neuron.shape_of(current.shape[2:])
            silent[name] = current if shape == current.shape[2:] else current.new_zeros(*current.shape[:2], *shape)
    return {name: tuple(silent[name].shape[2:]) for name in blocks}


def _wiring_of(
    blocks: Mapping[str, Block],
    feedforward: Mapping[str, Feedforward],
    feedback: Mapping[str, Feedback],
    outputs: Sequence[str],
) -> Wiring:
    """The wiring of a network.

    Raises:
        ValueError: a name that cannot be used or is used twice, an edge from or to an unknown block, a forward edge
            whose source does not stand before its target, feedback that goes forward, an unknown output.
    """
    names = list(blocks)
    _check_names([*blocks, *feedforward, *feedback])
    chained = dict(zip(names, ["inputs", *names], strict=False))
    sources = {name: block.source or chained[name] for name, block in blocks.items()}
    for name, source in sources.items():
        _check_forward(f"block {name!r}", source, name, names)
    for name, edge in feedforward.items():
        _check_forward(f"feedforward edge {name!r}", edge.source, edge.target, names)
        blocks[edge.target].check_current(f"feedforward edge {name!r}", edge.current)
    for name, back in feedback.items():
        _check_feedback(name, back, names)
        blocks[back.target].check_current(f"feedback {name!r}", back.current)
    _check_outputs(outputs, names)
    taken = [(source, name, name) for name, source in sources.items()]
    taken += [(edge.source, edge.target, f"feedforward.{name}") for name, edge in feedforward.items()]
    readers = {source: [place for at, _, place in taken if at == source] for source in ["inputs", *names]}
    joining = {name: tuple(e for e, edge in feedforward.items() if edge.target == name) for name in names}
    return Wiring(
        sources,
        joining,
        {name: tuple(e for e, edge in feedback.items() if edge.target == name) for name in names},
        tuple(readers["inputs"]),
        {
            name: places[0]
            for name, places in readers.items()
            if len(places) == 1 and places[0] in blocks and not joining[places[0]] and name not in outputs
        },
        _released(taken, names),
        frozenset(edge.source for edge in feedback.values()),
        not feedforward and sources == chained and list(outputs) == names[-1:],
    )


def _released(taken: Iterable[tuple[str, str, str]], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """{block: sources that none takes after it}; what none takes at all goes with its own block."""
    last = {name: name for name in names}
    for source, target, _ in sorted(taken, key=lambda edge: names.index(edge[1])):
        last[source] = target
    return {name: tuple(source for source, target in last.items() if target == name) for name in names}


def _check_names(given: Sequence[str]) -> None:
    for name in given:
        if not name.replace("_", "a").isalnum() or name == "inputs" or hasattr(nn.ModuleDict, name):
            raise ValueError(
                f"name {name!r} cannot be used, expected letters, digits and _, not 'inputs' nor a method of ModuleDict"
            )


def _check_forward(what: str, source: str, target: str, names: Sequence[str]) -> None:
    for end in (source, target):
        if end not in names and not (end == "inputs" and end is source):
            raise ValueError(f"{what} names block {end!r}, expected {one_of(end, ['inputs', *names])}")
    if source != "inputs" and names.index(source) >= names.index(target):
        raise ValueError(
            f"{what} goes from {source!r} to {target!r}, which does not stand after it: forward edges make no cycle "
            "and follow the order of the blocks; put the source first, or send it back one step late by Feedback"
        )


def _check_feedback(name: str, edge: Feedback, names: Sequence[str]) -> None:
    for end in (edge.source, edge.target):
        if end not in names:
            raise ValueError(f"feedback {name!r} names block {end!r}, expected {one_of(end, list(names))}")
    if names.index(edge.source) < names.index(edge.target):
        raise ValueError(
            f"feedback {name!r} goes forward, from {edge.source!r} to {edge.target!r}: expected a source at or "
            "after its target"
        )


def _check_outputs(outputs: Sequence[str], names: Sequence[str]) -> None:
    for name in outputs:
        if name not in names:
            raise ValueError(f"outputs names block {name!r}, expected {one_of(name, list(names))}")
    if not outputs or len(set(outputs)) < len(outputs):
        raise ValueError(f"outputs is {list(outputs)}, expected the names of one or more blocks, each once")
