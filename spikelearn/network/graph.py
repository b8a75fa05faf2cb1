"""The blocks and edges that a network is made of."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor, nn

from spikelearn.network.block import Block, Edge, Feedback, Feedforward
from spikelearn.network.plumbing import block_shapes
from spikelearn.network.records import Record
from spikelearn.network.wiring import wiring_of


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
        self.wiring = wiring_of(blocks, feedforward, feedback, self.outputs)
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.blocks: Mapping[str, Block] = nn.ModuleDict(blocks)  # type: ignore[assignment]
        self.feedforward: Mapping[str, Feedforward] = nn.ModuleDict(feedforward)  # type: ignore[assignment]
        self.feedback: Mapping[str, Feedback] = nn.ModuleDict(feedback)  # type: ignore[assignment]
        _check_sharing(self)

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
        found = {f"blocks.{name}.synapse.": name for name in self.blocks}
        further = {f"feedforward.{name}": (edge.target, edge.current) for name, edge in self.feedforward.items()}
        further |= {f"feedback.{name}": (edge.target, edge.current) for name, edge in self.feedback.items()}
        for path, (target, current) in further.items():
            own = current in (None, self.blocks[target].current)
            found[f"{path}.synapse."] = target if own else f"{target}.{current}"
        return found

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
        return block_shapes(self.blocks, self.wiring.sources, x)


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
