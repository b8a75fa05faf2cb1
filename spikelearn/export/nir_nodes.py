"""The nodes and edges of a NIR graph, checked one by one, sub-graphs laid open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from spikelearn.checks import one_of


class Fields(NamedTuple):
    """What a kind of node has: fields that must be there, and what stands for those that need not."""

    needed: tuple[str, ...]
    given: Mapping[str, Any]


_CONV = ("weight", "bias", "stride", "padding", "dilation", "groups")
_POOL = ("kernel_size", "stride", "padding")
_NO_FIELDS: Mapping[str, Any] = {}

#: {kind: its fields}, as nir 1.0 writes them; a reset that older files lack is to 0.
KINDS = {
    "Input": Fields(("shape",), _NO_FIELDS),
    "Output": Fields(("shape",), _NO_FIELDS),
    "Affine": Fields(("weight", "bias"), _NO_FIELDS),
    "Linear": Fields(("weight",), _NO_FIELDS),
    "Scale": Fields(("scale",), _NO_FIELDS),
    "Conv1d": Fields(_CONV, {"input_shape": None}),
    "Conv2d": Fields(_CONV, {"input_shape": None}),
    "SumPool2d": Fields(_POOL, _NO_FIELDS),
    "AvgPool2d": Fields(_POOL, _NO_FIELDS),
    "Flatten": Fields((), {"start_dim": 1, "end_dim": -1, "input_type": None}),
    "Delay": Fields(("delay",), _NO_FIELDS),
    "Threshold": Fields(("threshold",), _NO_FIELDS),
    "I": Fields(("r",), _NO_FIELDS),
    "LI": Fields(("tau", "r", "v_leak"), _NO_FIELDS),
    "IF": Fields(("r", "v_threshold"), {"v_reset": 0.0}),
    "LIF": Fields(("tau", "r", "v_leak", "v_threshold"), {"v_reset": 0.0}),
    "CubaLI": Fields(("tau_syn", "tau_mem", "r", "v_leak"), {"w_in": 1.0}),
    "CubaLIF": Fields(("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), {"v_reset": 0.0, "w_in": 1.0}),
}

#: What nir writes beside the fields of a kind.
_OF_ANY_KIND = ("type", "metadata", "input_type", "output_type", "input_shape")

#: Kinds that keep something from step to step, or fire: each is a population of neurons.
POPULATIONS = ("Threshold", "I", "LI", "IF", "LIF", "CubaLI", "CubaLIF")

#: A place where several edges meet, or part; it maps nothing.
JUNCTION = "Junction"

#: Nodes and edges of one file beyond which it is not believed: a node is a whole layer.
MOST_NODES, MOST_EDGES = 5_000, 20_000


@dataclass(frozen=True)
class Node:
    """One node.

    Args:
        name: its name; of a node in a sub-graph, with the sub-graph's before it.
        kind: its type, one of ``KINDS``.
        fields: {field: array, text or None}.
        metadata: what else is written with it.
        unread: names of fields that it has and its kind has not.
    """

    name: str
    kind: str
    fields: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def having(self, **fields: Any) -> "Node":
        """The same node with other values of some fields."""
        return replace(self, fields={**self.fields, **fields})


@dataclass
class Nodes:
    """Nodes by name, edges between them, and the metadata of the whole."""

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    metadata: dict[str, Any]

    def before(self, name: str) -> list[str]:
        """The nodes from which edges lead to one."""
        return [a for a, b in self.edges if b == name]

    def behind(self, name: str) -> list[str]:
        """The nodes to which edges lead from one."""
        return [b for a, b in self.edges if a == name]

    def ways(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """{node: those from which edges lead to it} and {node: those to which edges lead from it}."""
        before: dict[str, list[str]] = {name: [] for name in self.nodes}
        behind: dict[str, list[str]] = {name: [] for name in self.nodes}
        for a, b in self.edges:
            behind[a].append(b)
            before[b].append(a)
        return before, behind

    def of(self, *kinds: str) -> list[str]:
        """The names of the nodes of some kinds."""
        return [name for name, node in self.nodes.items() if node.kind in kinds]


def nodes_of(tree: Mapping[str, Any]) -> Nodes:
    """The nodes of a graph, given as ``read_tree`` or ``NIRGraph.to_dict`` give it.

    Raises:
        ValueError: what is no graph; a node of an unknown kind, without a field, with one that is no number or not
            finite; an edge of an unknown node, or twice; no input or several; no output; a node on no way from the
            input to an output; a circle in which no neuron delays anything.
    """
    metadata = tree.get("metadata")
    found = Nodes({}, [], dict(metadata) if isinstance(metadata, Mapping) else {})
    _lay_open(tree, "", found)
    _contract(found)
    if len(inputs := found.of("Input")) != 1:
        raise ValueError(f"the graph has {len(inputs)} nodes of kind Input, expected 1: {', '.join(inputs) or 'none'}")
    if not found.of("Output"):
        raise ValueError("the graph has no node of kind Output: nothing of it could be read")
    _check_reached(found)
    _check_circles(found)
    return found


def _lay_open(tree: Mapping[str, Any], prefix: str, found: Nodes) -> None:
    """Add the nodes of a graph and of its sub-graphs, whose inputs and outputs become junctions."""
    nodes, edges = tree.get("nodes"), tree.get("edges")
    where = f"sub-graph {prefix[:-1]!r}" if prefix else "the file"
    if tree.get("type") != "NIRGraph" or not isinstance(nodes, Mapping) or edges is None:
        raise ValueError(f"{where} is no graph of NIR, expected type NIRGraph, nodes and edges")
    if not nodes:
        raise ValueError(f"{where} has no nodes")
    inner: dict[str, tuple[list[str], list[str]]] = {}
    for name, own in nodes.items():
        if not isinstance(own, Mapping):
            raise ValueError(f"node {prefix + name!r} is no node of NIR, expected a group with a type")
        if own.get("type") == "NIRGraph":
            _lay_open(own, f"{prefix}{name}.", found)
            ends = [
                [f"{prefix}{name}.{k}" for k, n in own["nodes"].items() if isinstance(n, Mapping) and n["type"] == kind]
                for kind in ("Input", "Output")
            ]
            if [len(end) for end in ends] != [1, 1]:
                raise ValueError(f"sub-graph {prefix + name!r} has {len(ends[0])} inputs and {len(ends[1])} outputs, "
                                 "expected one of each")  # fmt: skip
            inner[name] = ends[0], ends[1]
        else:
            node = _node(prefix + name, own)
            if prefix and node.kind in ("Input", "Output"):
                node = Node(node.name, JUNCTION, {})
            found.nodes[node.name] = node
    taken = set(found.edges)
    for a, b in _pairs(edges, where):
        for end in (a, b):
            if end not in nodes:
                raise ValueError(f"{where} has an edge from {a!r} to {b!r}, but no node {end!r}: expected "
                                 f"{one_of(end, list(nodes))}")  # fmt: skip
        edge = (inner[a][1][0] if a in inner else prefix + a, inner[b][0][0] if b in inner else prefix + b)
        if edge in taken:
            raise ValueError(f"{where} has the edge from {a!r} to {b!r} twice, but edges of NIR are a set")
        taken.add(edge)
        found.edges.append(edge)
    _check_size(found)


def _check_size(found: Nodes) -> None:
    if len(found.nodes) > MOST_NODES or len(found.edges) > MOST_EDGES:
        raise ValueError(
            f"the file has {len(found.nodes):,} nodes and {len(found.edges):,} edges, expected {MOST_NODES:,} and "
            f"{MOST_EDGES:,} at the most, of whole layers"
        )


def _pairs(edges: Any, where: str) -> Iterable[tuple[str, str]]:
    array = np.asarray(edges, dtype=object)
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{where} has edges of shape {list(array.shape)}, expected pairs of names")
    texts = [[v.decode("utf8", "replace") if isinstance(v, bytes) else v for v in row] for row in array.tolist()]
    if not all(isinstance(value, str) for row in texts for value in row):
        raise ValueError(f"{where} has edges that are no names, expected pairs of names")
    return [(a, b) for a, b in texts]


def _node(name: str, own: Mapping[str, Any]) -> Node:
    kind = own.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"node {name!r} is of kind {kind!r}, expected {one_of(str(kind), list(KINDS))}")
    fields, metadata = {}, own.get("metadata")
    if kind in ("Input", "Output") and "shape" not in own:
        # In memory nir keeps it under another name.
        own = {**own, "shape": own.get("input_type" if kind == "Input" else "output_type")}
    needed, given = KINDS[kind]
    for field_name in (*needed, *given):
        value = own.get(field_name, given.get(field_name))
        if value is None and field_name in needed:
            raise ValueError(f"node {name!r} of kind {kind} has no {field_name}: export it again")
        fields[field_name] = value if value is None or isinstance(value, str) else _numbers(name, field_name, value)
    unread = tuple(sorted(key for key in own if key not in fields and key not in _OF_ANY_KIND))
    return Node(name, kind, fields, dict(metadata) if isinstance(metadata, Mapping) else {}, unread)


def _numbers(name: str, field_name: str, value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # Norse leaves tensors in its nodes
        value = value.detach().cpu().numpy()
    if isinstance(value, Mapping):
        value = next(iter(value.values()), ())
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"they are {array.dtype}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{field_name} of node {name!r} is no array of numbers ({error})") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{field_name} of node {name!r} has NaN or infinity: export it again from a network without")
    return array


def _contract(found: Nodes) -> None:
    """Take the ends of sub-graphs away and tie what was before them to what was behind."""
    for name in found.of(JUNCTION):
        before, behind = found.before(name), found.behind(name)
        if len(before) * len(behind) > MOST_EDGES:
            raise ValueError(f"{len(before):,} ways into sub-graphs meet {len(behind):,} ways out at node {name!r}")
        found.edges = [edge for edge in found.edges if name not in edge]
        taken = set(found.edges)
        for edge in [(a, b) for a in before for b in behind]:
            if edge in taken or name in edge:
                raise ValueError(f"an edge from {edge[0]!r} to {edge[1]!r} stands both in a sub-graph and around it")
            found.edges.append(edge)
        del found.nodes[name]
        _check_size(found)


def _check_reached(found: Nodes) -> None:
    """Every node lies on a way from the input to an output."""
    before, behind = found.ways()
    for what, starts, follow in (
        ("no way leads from the input to", found.of("Input"), behind),
        ("no way leads to an output from", found.of("Output"), before),
    ):
        seen, waiting = set(starts), list(starts)
        while waiting:
            for other in follow[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        if lost := [name for name in found.nodes if name not in seen]:
            raise ValueError(f"{what} {', '.join(map(repr, lost[:5]))}: an edge is missing, or drop these nodes")
    if into := found.before(found.of("Input")[0]):
        raise ValueError(f"an edge leads from {into[0]!r} into the input")
    for name in found.of("Output"):
        if found.behind(name):
            raise ValueError(f"an edge leads out of the output {name!r}")


def _check_circles(found: Nodes) -> None:
    """Every circle has neurons on it, whose spikes of the step before go round."""
    left = {name for name, node in found.nodes.items() if node.kind not in POPULATIONS}
    before, behind = found.ways()
    ends = [name for name in left if not left.intersection(behind[name])]
    while ends:
        left.difference_update(ends)
        ends = [a for name in ends for a in before[name] if a in left and not left.intersection(behind[a])]
    if left:
        raise ValueError(
            f"the nodes {', '.join(map(repr, sorted(left)[:5]))} are a circle without neurons, in which nothing is "
            "delayed: put a population into it"
        )
