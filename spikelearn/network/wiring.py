"""Which blocks and edges a network may be made of, and which take from which."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from spikelearn.checks import one_of
from spikelearn.network.block import Block, Feedback, Feedforward


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


def wiring_of(
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
