"""A NIR file as a network that can be run, trained with any rule, and exported again."""

import heapq
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from spikelearn.export.nir_file import CONTENT, read_tree
from spikelearn.export.nir_layers import MOST_AXES, MOST_NEURONS, Shape, layer_of
from spikelearn.export.nir_nodes import JUNCTION, POPULATIONS, Node, Nodes, nodes_of
from spikelearn.export.nir_populations import neurons_of
from spikelearn.export.nir_quirks import Reading, reading_of
from spikelearn.network import Block, Feedback, Feedforward, Network
from spikelearn.neurons import Neuron, Rate
from spikelearn.neurons.activations import Linear


class Imported(NamedTuple):
    """A network that was read.

    Args:
        network: in the default type, in training mode.
        input_shape: the shape of one input, without batch and time.
        notes: what is meant otherwise than the file says it, and what was seen in it, a sentence each.
        metadata: what the file says of itself.
    """

    network: Network
    input_shape: Shape
    notes: tuple[str, ...]
    metadata: Mapping[str, Any]


def read_nir(path: Path | str, *, dt: float | None = None, mend: Collection[str] = ()) -> Imported:
    r"""The network of a NIR file.

    Populations become blocks; what keeps nothing, between them, their synapses, and an edge that closes a circle is
    ``Feedback``, one step late; a circle that this package wrote is cut where its nodes' names do not go on. One step
    is an Euler step of NIR's equations, $v \leftarrow v + \frac{dt}{\tau} (v_{leak} - v + r\,I)$, z = v > threshold,
    then $v \leftarrow v_{reset}$. Where layers meet, part or end without neurons, a block of linear ``Rate`` neurons
    stands. Weights are those of the file; no code of it is run.

    Args:
        path: the file, of any program.
        dt: the time step of its time constants, seconds; None: as its metadata say, else 0.1 ms.
        mend: names of ``QUIRKS``: what the program that wrote it means otherwise than NIR.

    Raises:
        ValueError: a file that is not there, is damaged, or is no network; nodes, shapes or numbers that do not fit;
            what no network of this package is, with the node's name.

    Source: Pedersen et al., Nature Communications 15, 2024; nodes of nir 1.0.
    """
    try:
        return network_of(read_tree(path), dt=dt, mend=mend)
    except ValueError as error:
        words = str(error)
        raise ValueError(words if words.startswith(str(path)) else f"{path}: {words}") from error


def from_nir(graph: Any, *, dt: float | None = None, mend: Collection[str] = ()) -> Imported:
    """The network of a ``nir.NIRGraph`` in memory; arguments and errors as of ``read_nir``."""
    return network_of(graph.to_dict(), dt=dt, mend=mend)


def network_of(tree: Mapping[str, Any], *, dt: float | None = None, mend: Collection[str] = ()) -> Imported:
    """The network of a graph as ``read_tree`` or ``NIRGraph.to_dict`` give it; errors as of ``read_nir``."""
    nodes, reading, notes = reading_of(nodes_of(tree), dt, mend)
    reader = _Reader(nodes, reading)
    network = reader.network()
    if any(np.asarray(v).dtype == np.float64 for node in nodes.nodes.values() for v in [node.fields.get("weight")]):
        notes.append("weights in double precision are read in the default type, mostly single")
    metadata = {key: value for key, value in nodes.metadata.items() if key != CONTENT}
    return Imported(network, reader.input, tuple(notes), metadata)


@dataclass(frozen=True, eq=False)
class _Chain:
    """A way between two populations: where it begins, the nodes on it, and where it ends."""

    source: str
    through: tuple[Node, ...]
    target: str


class _Reader:
    """Blocks in an order in which spikes can go, each made once the shapes before it are known."""

    def __init__(self, nodes: Nodes, reading: Reading) -> None:
        self.reading = reading
        self.nodes = _with_junctions(nodes)
        self.start = self.nodes.of("Input")[0]
        self.populations = dict.fromkeys(self.nodes.of(*POPULATIONS, JUNCTION))
        self.before, _ = self.nodes.ways()
        self.chains = [chain for name in self.populations for chain in self._into(name)]
        names = sorted(self.populations)
        if "spikelearn" in nodes.metadata:  # whose names sort as the nodes follow each other
            self.late = _backwards(names, self.chains)
            self.order = _by_name(names, _without(self.chains, self.late), self.start)
        else:
            self.order, self.late = _ordered(self.start, names, self.chains)
        self.input = _input_shape(self.nodes.nodes[self.start])
        self.names = _names(self.order, self.chains)
        #: {population: shape of what it sends}.
        self.sent: dict[str, Shape] = {self.start: self.input}

    def _into(self, name: str) -> list[_Chain]:
        """The ways that end in a population, in order of names."""
        found = []
        for before in sorted(self.before[name]):
            through: list[Node] = []
            while before not in self.populations and before != self.start:
                through.insert(0, self.nodes.nodes[before])
                (before,) = self.before[before]
            found.append(_Chain(before, tuple(through), name))
        return found

    def network(self) -> Network:
        blocks, feedforward = dict[str, Block](), dict[str, Feedforward]()
        feedback: dict[str, Feedback] = {}
        previous, taken = self.start, set(self.names.values())
        arriving_at: dict[str, list[_Chain]] = {name: [] for name in self.order}
        for chain in _without(self.chains, self.late):
            arriving_at[chain.target].append(chain)
        for name in self.order:
            arriving = arriving_at[name]
            if not arriving:
                raise ValueError(f"node {name!r} takes from nothing but what comes back to it")
            # The own synapse takes from the block before, where one does.
            own = next((chain for chain in arriving if chain.source == previous), arriving[0])
            others = [chain for chain in arriving if chain is not own]
            synapse, delay, shape = self._synapse(own)
            neuron = self._neuron(name, shape)
            source = None if own.source == previous else self._source(own.source)
            blocks[self.names[name]] = Block(synapse, neuron, delay=delay, source=source)
            self.sent[name] = shape
            for chain in others:
                more, late, its = self._synapse(chain)
                self._check_fits(chain, its, shape)
                edge = self._edge_name(chain, taken)
                feedforward[edge] = Feedforward(self._source(chain.source), self.names[name], more, delay=late)
            previous = name
        for chain in self.late:
            synapse, delay, shape = self._synapse(chain)
            self._check_fits(chain, shape, self.sent[chain.target])
            if delay:
                raise ValueError(f"a delay stands on the way back from {chain.source!r} to {chain.target!r}, which is "
                                 "one step late and cannot be later")  # fmt: skip
            edge = self._edge_name(chain, taken)
            feedback[edge] = Feedback(self.names[chain.source], self.names[chain.target], synapse)
        outputs = [self.names[before] for name in self.nodes.of("Output") for before in self.nodes.before(name)]
        self._check_outputs()
        # A flat input may come as an image, which the first layer flattens.
        known = self.input if len(self.input) > 1 else None
        return Network(blocks, feedback, feedforward=feedforward, outputs=outputs, input_shape=known)

    def _source(self, name: str) -> str:
        return "inputs" if name == self.start else self.names[name]

    def _neuron(self, name: str, shape: Shape) -> Neuron:
        node = self.nodes.nodes[name]
        if node.kind == JUNCTION:
            return Rate(Linear(), dt=self.reading.network_dt)
        return neurons_of(node, shape, self.reading)

    def _synapse(self, chain: _Chain) -> tuple[nn.Module, int, Shape]:
        """The layers of a way, the steps that it takes, and the shape of what it brings."""
        shape, layers, delay = self.sent[chain.source], list[nn.Module](), 0
        for node in chain.through:
            if node.kind == "Delay":
                delay += _steps(node, self.reading)
                continue
            if chain.source == self.start and not layers and len(shape) == 1 and node.kind in ("Affine", "Linear"):
                layers.append(nn.Flatten())
            layer, shape = layer_of(node, shape, flatten_batch=self.reading.flatten_batch)
            layers.append(layer)
        if not layers:
            return nn.Identity(), delay, shape
        return (layers[0] if len(layers) == 1 else nn.Sequential(*layers)), delay, shape

    def _check_fits(self, chain: _Chain, shape: Shape, expected: Shape) -> None:
        if shape != expected:
            raise ValueError(f"what comes from {chain.source!r} to {chain.target!r} has shape {list(shape)}, but what "
                             f"meets it there {list(expected)}")  # fmt: skip

    def _check_outputs(self) -> None:
        for name in self.nodes.of("Output"):
            said = tuple(int(edge) for edge in np.asarray(self.nodes.nodes[name]["shape"]).reshape(-1))
            (before,) = self.nodes.before(name)
            if said != self.sent[before]:
                raise ValueError(f"output {name!r} has shape {list(said)}, but {list(self.sent[before])} arrives")

    def _edge_name(self, chain: _Chain, taken: set[str]) -> str:
        """A name that is free, and taken from now on."""
        weighted = [node.name for node in chain.through if "weight" in node.fields]
        way = f"{self._source(chain.source)}_to_{self.names[chain.target]}"
        name = _free(_plain(weighted[-1]) if weighted else way, taken)
        taken.add(name)
        return name


def _with_junctions(nodes: Nodes) -> Nodes:
    """Junctions where layers meet or part, and before outputs that no population feeds: blocks that map nothing."""
    made = Nodes(dict(nodes.nodes), list(nodes.edges), nodes.metadata)
    for name, node in nodes.nodes.items():
        if node.kind in POPULATIONS or node.kind == "Input":
            continue
        before, behind = made.before(name), made.behind(name)
        feeds = made.nodes[before[0]].kind
        bare = node.kind == "Output" and feeds not in (*POPULATIONS, JUNCTION)
        if len(before) > 1 or bare:
            junction = f"{name}:before"
            made.nodes[junction] = Node(junction, JUNCTION, {})
            made.edges = [(a, junction) if b == name else (a, b) for a, b in made.edges] + [(junction, name)]
        if len(behind) > 1:
            junction = f"{name}:behind"
            made.nodes[junction] = Node(junction, JUNCTION, {})
            made.edges = [(junction, b) if a == name else (a, b) for a, b in made.edges] + [(name, junction)]
    return made


def _ordered(start: str, names: list[str], chains: list[_Chain]) -> tuple[list[str], list[_Chain]]:
    """Populations in an order in which each stands behind those that it takes from, and the ways that go back."""
    behind: dict[str, list[_Chain]] = {name: [] for name in (start, *names)}
    for chain in chains:
        behind[chain.source].append(chain)
    late, done, on_the_way = list[_Chain](), dict[str, None](), set[str]()
    stack = [(start, iter(behind[start]))]
    while stack:
        name, ways = stack[-1]
        for chain in ways:
            if chain.target in on_the_way:
                late.append(chain)
            elif chain.target not in done:
                on_the_way.add(chain.target)
                stack.append((chain.target, iter(behind[chain.target])))
                break
        else:
            stack.pop()
            done[name] = None
            on_the_way.discard(name)
    order = [name for name in reversed(done) if name != start]
    return _by_name(order, _without(chains, late), start), late


def _without(chains: list[_Chain], late: list[_Chain]) -> list[_Chain]:
    others = set(late)
    return [chain for chain in chains if chain not in others]


def _backwards(names: list[str], chains: list[_Chain]) -> list[_Chain]:
    """The ways on circles that lead to what does not stand behind where they begin, by its name."""
    place = {name: number for number, name in enumerate(names)}
    inner = [chain for chain in chains if chain.source in place]
    back = [chain for chain in inner if place[chain.target] <= place[chain.source]]
    if not back:
        return back
    from scipy.sparse import csr_array  # which takes longer to import than most files to read
    from scipy.sparse.csgraph import connected_components

    ends = [[place[chain.source] for chain in inner], [place[chain.target] for chain in inner]]
    joined = csr_array((np.ones(len(inner), bool), ends), shape=(len(names), len(names)))
    circle = connected_components(joined, connection="strong")[1]
    return [chain for chain in back if circle[place[chain.source]] == circle[place[chain.target]]]


def _by_name(order: list[str], chains: list[_Chain], start: str) -> list[str]:
    """The same populations, of those that could come next the first by name: as files sort them."""
    needed: dict[str, set[str]] = {name: set() for name in order}
    needing: dict[str, list[str]] = {name: [] for name in order}
    for chain in chains:
        if chain.source != start:
            needed[chain.target].add(chain.source)
            needing[chain.source].append(chain.target)
    ready = sorted(name for name in order if not needed[name])
    found: list[str] = []
    while ready:
        name = heapq.heappop(ready)
        found.append(name)
        for other in needing[name]:
            if name in needed[other]:
                needed[other].discard(name)
                if not needed[other]:
                    heapq.heappush(ready, other)
    assert len(found) == len(order)  # circles are cut
    return found


def _input_shape(node: Node) -> Shape:
    shape = np.asarray(node["shape"]).reshape(-1).tolist()
    if not 1 <= len(shape) <= MOST_AXES or any(edge != int(edge) or edge < 1 for edge in shape):
        raise ValueError(f"the input has shape {shape}, expected 1 to {MOST_AXES} whole numbers from 1 up")
    if math.prod(shape) > MOST_NEURONS:
        raise ValueError(f"the input has shape {shape}, which is {math.prod(shape):,} values: more than a file may say")
    return tuple(int(edge) for edge in shape)


def _steps(node: Node, reading: Reading) -> int:
    delays = np.unique(np.asarray(node["delay"], np.float64)) / reading.dt
    if delays.size != 1 or delays[0] < 0 or abs(delays[0] - round(delays[0])) > 1e-6:
        raise ValueError(
            f"node {node.name!r} delays by {delays[:4].tolist()} steps of {reading.dt:g} s, expected one whole number"
        )
    return round(float(delays[0]))


def _names(order: list[str], chains: list[_Chain]) -> dict[str, str]:
    """A block's name for each population: its node's, or that of the weights before it, without its number."""
    names: dict[str, str] = {}
    first = {chain.target: chain for chain in reversed(chains)}
    for name in order:
        node_name = name
        if ":" in name:
            before = first.get(name)
            weighted = [n.name for n in before.through if "weight" in n.fields] if before else []
            node_name = weighted[-1] if weighted else name.split(":")[0]
        names[name] = _free(_plain(node_name), set(names.values()))
    return names


def _plain(name: str) -> str:
    """A node's name as blocks can have it: ``03_fc2_neurons`` is ``fc2``."""
    parts = name.split(".")
    name = parts[-2] if parts[-1] in ("lif", "neurons") and len(parts) > 1 else parts[-1]
    head, _, rest = name.partition("_")
    name = rest if head.isdigit() and rest else name
    name = name.removesuffix("_neurons")
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name) or "block"


def _free(name: str, taken: Collection[str]) -> str:
    if name == "inputs" or hasattr(nn.ModuleDict, name) or not name.replace("_", "a").isalnum():
        name = f"block_{name}"
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
