"""NIR, in the form from which other simulators fire the same spikes."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import nir

from spikelearn.checks import check_choice, check_flag
from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir_file import CONTENT, content_of
from spikelearn.export.nir_neurons import FILE_DT, Form, Pools
from spikelearn.export.nir_readers import READERS, check_reader
from spikelearn.export.nir_writer import Writer
from spikelearn.files import replacing
from spikelearn.network import Network, check_weights_finite


@FORMATS.register("nir")
class NIR(Format):
    r"""Neuromorphic Intermediate Representation (HDF5), one node for each synapse, pool and population.

    LIF and CubaLIF become ``CubaLIF`` with $\tau = dt/(1-\lambda)$ for the decays $\lambda$ per step,
    $w_{in} = \tau_{syn}/dt$ and $r = \tau_{mem}/dt$, so that one Euler step of an importer is one step of this network;
    dt = 0.1 ms whatever the network's own. Input gains are multiplied into the weights, an average pool is a sum pool
    (for a reader that knows none an average, or a convolution) with the next weights divided by its area, a sum pool's
    factor and a ``Scale`` go into the next weights, batch norms into those beside them, resting potentials are moved to
    0, a threshold that fires at equality is lowered by one float32 ulp. Kernels that are not square, and groups, get
    zeros around and between their weights. Rate neurons that are linear need no node. Constants of single neurons are
    written as they are. Feedback of a block to itself is a sub-graph, other feedback a circle of edges, both one step
    late, or, where it closes none, an edge with a delay. The nodes where data enter and leave are ``input`` and
    ``output``; the metadata hold dt in seconds and a checksum. Edges into one population add up in its node.

    Args:
        form: what a LIF becomes. "cuba-lif": as above, bit for bit in readers that know that node; "lif": the node
            ``LIF`` with r = 1 and its weights multiplied by $\tau/dt$, for readers that know no other, the same up to
            rounding; "exponential-lif": the same with $\tau = -dt/\ln\lambda$, for readers that integrate exactly;
            "nir": nothing is multiplied into weights, gains stand in r, resets and rests in their places, pools and
            factors in nodes of their own: as NIR has it, which few readers read in full. A CubaLIF is always a
            ``CubaLIF``.
        reader: a program that shall read the file, one of ``READERS``: in the form that it knows, refused where it
            would read something else; None: any. Its form is taken where none is named.
        lossy: write what NIR, or the reader, cannot say as what is nearest, with a note on each loss.

    Shapes: nodes carry shapes without batch and time; a network that flattens its input takes it flat.

    Raises:
        ValueError: an unknown form or reader; unless lossy, a subtractive reset, v_leak other than v_reset; several
            blocks that are read, a layer that NIR does not have, a kernel whose shape readers would infer wrongly, what
            the reader does not read.

    Source: Pedersen et al., Nature Communications 15, 2024 (units: seconds); nodes of nir 1.0.
    """

    ending = ".nir"
    mark = (b"\x89HDF\r\n\x1a\n", 0)

    def __init__(self, form: Form | None = None, reader: str | None = None, *, lossy: bool = False) -> None:
        if reader is not None:
            check_choice("reader", reader, READERS)
        own: Form = "cuba-lif" if reader is None else READERS[reader].form
        if form is not None:
            check_choice("form", form, get_args(Form))
        check_flag("lossy", lossy)
        self.form: Form = own if form is None else form
        self.reader, self.lossy = reader, lossy

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        texts = {name: value for name, value in metadata.items() if isinstance(value, str)}
        pools: Pools = "sum" if self.reader is None else READERS[self.reader].pools
        graph, notes = to_graph(network, input_shape, texts, self.form, lossy=self.lossy, pools=pools)
        if self.reader is not None:
            notes = (*notes, *check_reader(self.reader, graph, lossy=self.lossy))
        with replacing(path) as temporary:
            nir.write(temporary, graph)
        return Exported(path, notes)


def to_graph(
    network: Network,
    input_shape: Sequence[int],
    metadata: Mapping[str, str],
    form: Form = "cuba-lif",
    *,
    lossy: bool = False,
    pools: Pools = "sum",
) -> tuple[nir.NIRGraph, tuple[str, ...]]:
    """The graph of a network, and notes on what it says in another way."""
    check_weights_finite(network)
    if len(network.outputs) > 1 and form != "nir":
        raise ValueError(
            f"the blocks {list(network.outputs)} are read side by side, which cannot be exported to NIR for its "
            'readers, which take one output: read one block, write form="nir" (--form nir), or export weights alone '
            "(safetensors)"
        )
    writer = Writer(network, tuple(input_shape), form, lossy=lossy, pools=pools)
    needed = _needed(network)
    for name in needed:
        writer.block(name, network.blocks[name])
    for edge in network.feedback:
        writer.feedback(edge)
    if unneeded := [name for name in network.blocks if name not in needed]:
        writer.notes.append(f"the blocks {unneeded}, on which what is read does not depend, are not part of the file")
    if any(len([edge for edge in writer.edges if edge[1] == node]) > 1 for node in writer.nodes):
        writer.notes.append("several edges lead into a node, which snnTorch reads, and Norse does not")
    graph = writer.graph(network.outputs, {**metadata, **_about(network, form)})
    graph.metadata[CONTENT] = content_of(graph.to_dict())
    return graph, tuple(writer.notes)


def _about(network: Network, form: Form) -> dict[str, Any]:
    """What a file says of the network beside its nodes."""
    neurons = [block.neuron for block in network.blocks.values()]
    resets = sorted({getattr(neuron, "reset", "none") for neuron in neurons})
    dts = sorted({neuron.dt for neuron in neurons})
    about: dict[str, Any] = {"dt": FILE_DT, "spikelearn": version("spikelearn")}
    about["discretisation"] = "exact" if form == "exponential-lif" else "euler"
    if len(dts) == 1:
        about["network_dt"] = dts[0]
    return {**about, "reset": "to_value", "reset_of_network": " ".join(resets)}


def _needed(network: Network) -> list[str]:
    """The blocks on which what is read depends, in order."""
    needed = set(network.outputs)
    while True:
        more = {source for name in needed for _, source, _ in network.into(name)} & set(network.blocks)
        more |= {back.source for back in network.feedback.values() if back.target in needed}
        if more <= needed:
            return [name for name in network.blocks if name in needed]
        needed |= more
