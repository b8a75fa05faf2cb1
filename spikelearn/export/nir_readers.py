"""What programs that read NIR make of a file: the form that each knows, and what it would refuse or mistake."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import nir
import numpy as np

from spikelearn.export.nir_neurons import FILE_DT, Form, Pools

#: Layers that all of them read.
_LAYERS = ("Affine", "Linear", "Conv2d", "Flatten")


class Reader(NamedTuple):
    """One program.

    Args:
        version: the one that this was found with.
        form: in which files are written for it.
        kinds: the nodes that it reads.
        faults: what it would refuse or mistake in one node, a sentence each.
        circles: whether it reads edges that close a circle.
        fan_in: whether it adds up what several edges bring to a node.
        pools: as what pools are written for it.
    """

    version: str
    form: Form
    kinds: tuple[str, ...]
    faults: Callable[[str, Any], Iterator[str]]
    circles: bool = False
    fan_in: bool = True
    pools: Pools = "sum"


def check_reader(name: str, graph: nir.NIRGraph, *, lossy: bool = False) -> tuple[str, ...]:
    """What a reader of ``READERS`` would refuse or mistake in a graph, a sentence each.

    Raises:
        ValueError: anything, unless ``lossy``.
    """
    reader = READERS[name]
    found = list(_faults(reader, graph))
    if found and not lossy:
        raise ValueError(
            f"{name} {reader.version} does not read this network: {'; '.join(found)}. Change the network, choose "
            "another reader, or write it all the same with lossy=True (--lossy)"
        )
    return tuple(f"{name} {reader.version}: {words}" for words in found)


def _faults(reader: Reader, graph: nir.NIRGraph) -> Iterator[str]:
    for key, node in _nodes(graph):
        kind = type(node).__name__
        if kind not in ("Input", "Output", *reader.kinds):
            yield f"{key} is a {kind}, which it does not know"
        else:
            yield from reader.faults(key, node)
    targets = [target for _, target in graph.edges]
    if not reader.fan_in and len(set(targets)) < len(targets):
        yield "several edges lead into one node, which it does not add up"
    if not reader.circles and _has_circle(graph):
        yield "edges close a circle, which it does not read as one step late"
    if "NIRGraph" not in reader.kinds and any(isinstance(node, nir.NIRGraph) for node in graph.nodes.values()):
        yield "a population feeds back to itself, in a sub-graph, which it does not know"


def _nodes(graph: nir.NIRGraph, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            yield from _nodes(node, f"{prefix}{key}.")
        else:
            yield prefix + key, node


def _has_circle(graph: nir.NIRGraph) -> bool:
    left = set(graph.nodes)
    while ends := {name for name in left if not any(a == name and b in left for a, b in graph.edges)}:
        left -= ends
    return bool(left)


def _varies(node: Any, *fields: str) -> list[str]:
    return [field for field in fields if np.ptp(np.asarray(getattr(node, field, 0.0))) > 0]


def _snntorch(key: str, node: Any) -> Iterator[str]:
    if isinstance(node, nir.IF):
        yield f"{key} is an IF, which it reads as a leaky neuron of decay 0.9, and only with r = 1"
    if isinstance(node, nir.LIF | nir.CubaLIF):
        if _varies(node, "v_threshold"):
            yield f"{key} has a threshold for each neuron, and it takes one for all"
        if isinstance(node, nir.LIF) and _varies(node, "tau", "r"):
            yield f"{key} has a time constant for each neuron, which it scales by one factor"
        if np.any(node.v_leak):
            yield f"{key} has a v_leak other than 0"
        if np.any(node.v_reset):
            yield f"{key} has a v_reset other than 0, which it does not read"
        if isinstance(node, nir.CubaLIF) and not np.allclose(node.r, node.tau_mem / FILE_DT):
            yield f"{key} has an r other than tau_mem / dt"


def _norse(key: str, node: Any) -> Iterator[str]:
    # It reads no r: a LIF has 1, an IF takes all of a weight at every step.
    if isinstance(node, nir.LIF | nir.IF):
        own = 1.0 if isinstance(node, nir.LIF) else 1.0 / FILE_DT
        if not np.allclose(node.r, own):
            yield f"{key} has an r other than {own:g}, which it does not read"
    if isinstance(node, nir.LIF | nir.CubaLIF | nir.IF) and np.any(node.v_reset):
        yield f"{key} has a v_reset other than 0, which it does not read"
    if isinstance(node, nir.LIF | nir.CubaLIF) and np.any(node.v_leak):
        yield f"{key} has a v_leak other than 0, which it takes otherwise"
    if isinstance(node, nir.SumPool2d) and np.any(node.padding):
        yield f"{key} pads, which it does not read"


def _spikingjelly(key: str, node: Any) -> Iterator[str]:
    varying = _varies(node, "tau", "tau_mem", "tau_syn", "r", "w_in", "v_threshold", "v_reset", "v_leak")
    if varying:
        yield f"{key} has {', '.join(varying)} for each neuron, and it takes one for all"
        return
    if isinstance(node, nir.IF) and not np.allclose(node.r, 1.0 / FILE_DT, rtol=1e-6):
        yield f"{key} has an r other than 1 / dt"
    if isinstance(node, nir.LIF):
        if not (np.allclose(node.r, 1.0, rtol=1e-6) or np.allclose(node.r, node.tau / FILE_DT, rtol=1e-6)):
            yield f"{key} has an r other than 1 and tau / dt"
        if np.any(node.v_leak != node.v_reset):
            yield f"{key} has a v_leak other than v_reset"
        if np.any(node.tau <= FILE_DT):
            yield f"{key} has a time constant of one step"
    if isinstance(node, nir.CubaLIF) and np.any(node.v_leak):
        yield f"{key} has a v_leak other than 0"


def _jaxpike(key: str, node: Any) -> Iterator[str]:
    if varying := _varies(node, "tau", "v_threshold"):
        yield f"{key} has {', '.join(varying)} for each neuron, and it takes one for all"
    if isinstance(node, nir.LIF | nir.LI) and (np.any(node.v_leak) or not np.allclose(node.r, 1.0)):
        yield f"{key} has an r other than 1 or a v_leak other than 0"
    if isinstance(node, nir.Conv2d):
        if not isinstance(node.padding, str) and np.any(np.asarray(node.padding)):
            yield f"{key} is padded by a number of pixels, which it does not read"
        if np.any(np.asarray(node.dilation) != 1):
            yield f"{key} is dilated, which it does not read"


def _snn_mlir(key: str, node: Any) -> Iterator[str]:
    if isinstance(node, nir.LIF | nir.CubaLIF | nir.IF):
        if varying := _varies(node, "tau", "tau_mem", "tau_syn", "r", "v_threshold", "v_reset"):
            yield f"{key} has {', '.join(varying)} for each neuron, and it takes one for all"
        if np.any(node.v_reset) or np.any(getattr(node, "v_leak", 0.0)):
            yield f"{key} has a v_reset or v_leak other than 0"
        if isinstance(node, nir.IF) and not np.allclose(node.r, 1.0):
            yield f"{key} is an IF with an r other than 1"
    if isinstance(node, nir.Conv2d | nir.Conv1d) and np.any(np.asarray(node.dilation) != 1):
        yield f"{key} is dilated, which it does not read"


def _sparx(key: str, node: Any) -> Iterator[str]:
    if np.any(getattr(node, "v_leak", 0.0)) or np.any(getattr(node, "v_reset", 0.0)):
        yield f"{key} has a v_leak or v_reset other than 0"
    if isinstance(node, nir.LIF | nir.IF) and _varies(node, "v_threshold"):
        yield f"{key} has a threshold for each neuron, and it takes one for all"
    rows = np.asarray(getattr(node, "tau", np.zeros(1)))
    rows = rows.reshape(len(rows), -1)
    if np.any(rows != rows[:, :1]):
        yield f"{key} has time constants that differ within a channel"


_POOLS = ("SumPool2d", "AvgPool2d")

#: {name: what is known of it}.
READERS: Mapping[str, Reader] = {
    "snntorch": Reader(
        "1.0.0", "cuba-lif", (*_LAYERS, "Conv1d", *_POOLS, "LIF", "CubaLIF", "IF", "NIRGraph"), _snntorch
    ),
    "norse": Reader(
        "1.1.0", "cuba-lif", (*_LAYERS, "SumPool2d", "IF", "LIF", "CubaLIF", "NIRGraph"), _norse, fan_in=False
    ),
    "spikingjelly": Reader(
        "2.0.0", "cuba-lif", (*_LAYERS, "Conv1d", *_POOLS, "IF", "LIF", "CubaLIF", "NIRGraph"), _spikingjelly
    ),
    "jaxpike": Reader(
        "0.1.4", "exponential-lif", (*_LAYERS, "AvgPool2d", "LIF", "LI"), _jaxpike, fan_in=False, pools="average"
    ),
    "snn-mlir": Reader(
        "1.0.0", "cuba-lif", (*_LAYERS, "Conv1d", *_POOLS, "IF", "LIF", "CubaLIF", "LI", "CubaLI"), _snn_mlir
    ),
    "sparx": Reader("0.1.1", "lif", (*_LAYERS, "IF", "LIF", "LI", "NIRGraph"), _sparx, fan_in=False, pools="conv"),
}
