"""NIR, in the form from which other simulators fire the same spikes."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.checks import check_choice
from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir_conv import square_conv
from spikelearn.export.nir_neurons import FILE_DT, Form, Unsayable, by_output, population_of
from spikelearn.files import replacing
from spikelearn.network import Block, Edge, Network, RateReadout, check_weights_finite
from spikelearn.neurons import LIF
from spikelearn.synapses import SparseLinear, SumPool2d


@FORMATS.register("nir")
class NIR(Format):
    r"""Neuromorphic Intermediate Representation (HDF5), one node for each synapse, pool and population.

    LIF and CubaLIF become ``CubaLIF`` with $\tau = dt/(1-\lambda)$ for the decays $\lambda$ per step,
    $w_{in} = \tau_{syn}/dt$ and $r = \tau_{mem}/dt$, so that one Euler step of an importer is one step of this network;
    dt = 0.1 ms whatever the network's own. Input gains are multiplied into the weights, an average pool is a sum pool
    with the next weights divided by its area, a sum pool's factor goes into the next weights, resting potentials are
    moved to 0, a threshold that fires at equality is lowered by one float32 ulp. Kernels that are not square, and
    groups, get zeros around and between their weights. Rate neurons that are linear need no node. Constants of single
    neurons are written as they are. The nodes where data enter and leave are ``input`` and ``output``; the metadata
    hold dt in seconds. Edges into one population add up in its node.

    Args:
        form: what a LIF becomes. "cuba-lif": as above, bit for bit in readers that know that node; "lif": the node
            ``LIF`` with r = 1 and its weights multiplied by $\tau/dt$, for readers that know no other, the same up to
            rounding. A CubaLIF is always a ``CubaLIF``.

    Shapes: nodes carry shapes without batch and time; a network that flattens its input takes it flat.

    Raises:
        ValueError: an unknown form, a subtractive reset, v_leak other than v_reset, feedback, a delay, several
            blocks that are read, a layer that NIR does not have, a kernel whose shape readers would infer wrongly.

    Source: Pedersen et al., Nature Communications 15, 2024 (units: seconds); nodes of nir 1.0.
    """

    ending = ".nir"
    mark = (b"\x89HDF\r\n\x1a\n", 0)

    def __init__(self, form: Form = "cuba-lif") -> None:
        check_choice("form", form, ("cuba-lif", "lif"))
        self.form: Form = form

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        texts = {name: value for name, value in metadata.items() if isinstance(value, str)}
        graph, notes = to_graph(network, input_shape, texts, self.form)
        with replacing(path) as temporary:
            nir.write(temporary, graph)
        return Exported(path, notes)


def to_graph(
    network: Network, input_shape: Sequence[int], metadata: Mapping[str, str], form: Form = "cuba-lif"
) -> tuple[nir.NIRGraph, tuple[str, ...]]:
    """The graph of a network, and notes on what it says in another way."""
    check_weights_finite(network)
    if network.feedback:
        raise ValueError(
            f"feedback edges {sorted(network.feedback)} cannot be exported to NIR yet: only forward networks"
        )
    if len(network.outputs) > 1:
        raise ValueError(
            f"the blocks {list(network.outputs)} are read side by side, which cannot be exported to NIR: its readers "
            "take one output; read one block, or export weights alone (safetensors)"
        )
    writer = _Writer(network, tuple(input_shape), form)
    needed = _needed(network)
    for name in needed:
        writer.block(name, network.blocks[name], network)
    if unneeded := [name for name in network.blocks if name not in needed]:
        writer.notes.append(f"the blocks {unneeded}, on which what is read does not depend, are not part of the file")
    if len(writer.edges) >= len(writer.nodes):
        writer.notes.append("several edges lead from or into a node, which snnTorch reads, and Norse does not")
    graph = writer.graph(
        network.outputs[0], {**metadata, "dt": FILE_DT, "reset": "to_value", "spikelearn": version("spikelearn")}
    )
    return graph, tuple(writer.notes)


def _refuse_dynamics(what: str, edge: Edge) -> None:
    late = edge.delay + edge.longest
    if late:
        raise ValueError(f"{what} has a delay of {late} steps, which cannot be exported to NIR yet")
    if edge.release is not None:
        raise ValueError(f"{what} has short-term plasticity, {edge.release}, for which NIR has no node")


def _needed(network: Network) -> list[str]:
    """The blocks on which what is read depends, in order."""
    needed = set(network.outputs)
    for name in reversed(list(network.blocks)):
        if name in needed:
            needed |= {source for _, source, _ in network.into(name)}
    return [name for name in network.blocks if name in needed]


class _Writer:
    """Nodes in execution order; names sort in that order, as readers that sort them need, but for both ends."""

    def __init__(self, network: Network, shape: tuple[int, ...], form: Form) -> None:
        fed = [network.places[place].synapse for place in network.wiring.fed]
        if all(isinstance(next(iter(_layers(synapse)), None), nn.Flatten) for synapse in fed):
            shape = (int(np.prod(shape)),)
        self.shape, self.form = shape, form
        #: {the inputs, or a block: the node that sends its spikes, and their shape}.
        self.sent = {"inputs": ("input", shape)}
        self.at, self.edges = "input", list[tuple[str, str]]()
        self.nodes: dict[str, Any] = {"input": nir.Input(input_type={"input": np.array(shape)})}
        self.notes: list[str] = []
        self.pooled = 1.0
        dts = sorted({block.neuron.dt for block in network.blocks.values()})
        if dts != [FILE_DT]:
            own = ", ".join(f"{dt} s" for dt in dts)
            self.notes.append(
                f"time constants are written for steps of {FILE_DT} s, which readers assume (the network's own: "
                f"{own}); step by step the spikes are the same"
            )
        if form == "cuba-lif" and any(type(block.neuron) is LIF for block in network.blocks.values()):
            self.notes.append(
                "LIF neurons are written as CubaLIF with a filter of one step, in which readers of that node fire the "
                'same spikes bit for bit; for readers that know LIF alone: NIR(form="lif") (--form lif)'
            )
        readout = network.readout
        if not isinstance(readout, RateReadout) or not isinstance(readout.head, nn.Identity):
            self.notes.append(
                f"the readout {type(readout).__name__} is not part of the file, which ends in the last block"
            )

    def block(self, name: str, block: Block, network: Network) -> None:
        joining = {edge: network.feedforward[edge] for edge in network.wiring.joining[name]}
        _refuse_dynamics(f"block {name!r}", block)
        for edge, joined in joining.items():
            _refuse_dynamics(f"edge {edge!r}", joined)
        try:
            population = population_of(block.neuron, self.form)
            gain = by_output(population.gain)
            arriving = [self._edge(edge, joined.source, joined.synapse, gain) for edge, joined in joining.items()]
            own = self._edge(name, network.wiring.sources[name], block.synapse, gain)
            if population.node is not None:
                self._add(f"{name}_neurons", population.made(self.shape))
            elif arriving:
                raise Unsayable("adds up several sources, for which its neurons have no node in NIR")
        except Unsayable as error:
            raise ValueError(f"block {name!r} {error}") from error
        self.edges += [(node, self.at) for node in arriving if node != own]
        self.sent[name] = (self.at, self.shape)
        self._note(name, gain, population.constants.get("v_threshold", 0.0))

    def _note(self, name: str, gain: Any, threshold: Any) -> None:
        if np.any(gain != 1.0):
            low, high = np.min(gain), np.max(gain)
            words = f"gain {low:g}" if low == high else f"gains {low:g} to {high:g}"
            self.notes.append(f"the input {words} of block {name!r} is multiplied into its weights")
        if np.ptp(threshold):
            self.notes.append(
                f"each neuron of block {name!r} has its own threshold, which Norse reads; snnTorch takes one for all"
            )

    def graph(self, read: str, metadata: dict[str, Any]) -> nir.NIRGraph:
        node, shape = self.sent[read]
        self.nodes["output"] = nir.Output(output_type={"output": np.array(shape)})
        return nir.NIRGraph(nodes=self.nodes, edges=[*self.edges, (node, "output")], metadata=metadata)

    def _edge(self, name: str, source: str, synapse: nn.Module, gain: Any) -> str:
        """The nodes of one synapse behind what ``source`` sends; returns the last of them."""
        self.at, self.shape = self.sent[source]
        self.pooled, self.weighted = 1.0, False
        for layer in _layers(synapse):
            self._layer(name, layer, gain)
        if not self.weighted and np.any(gain != self.pooled):
            raise ValueError(
                f"{name!r} has no weights into which the factor {np.max(gain) / self.pooled:g} could be multiplied, "
                "which NIR needs: use neurons of unit gain (LIF.per_step), or give it weights"
            )
        return self.at

    def _layer(self, name: str, layer: nn.Module, gain: Any) -> None:
        # A weight that is computed from others is written as it is now.
        kind = parametrize.type_before_parametrizations(layer)
        if isinstance(layer, nn.Flatten):
            self._flatten(name)
        elif isinstance(layer, nn.AvgPool2d | SumPool2d):
            self._pool(name, layer)
        elif isinstance(layer, nn.Linear) and kind is nn.Linear:
            weight, bias = _scaled(layer.weight, gain / self.pooled), _bias(layer, gain)
            self._weights(name, nir.Affine(weight=weight, bias=bias), (layer.out_features,))
        elif isinstance(layer, SparseLinear) and not layer.longest:
            weight, bias = _scaled(layer.dense(), gain / self.pooled), _bias(layer, gain, layer.out_features)
            self._flatten(name)
            self._weights(name, nir.Affine(weight=weight, bias=bias), (layer.out_features,))
            self.notes.append(f"the {len(layer.weight)} connections of {name!r} are written as a matrix with zeros")
        elif isinstance(layer, nn.Conv2d) and kind is nn.Conv2d:
            self._weights(name, self._conv(name, layer, gain), self._image_after(layer, layer.out_channels))
        else:
            raise ValueError(
                f"block {name!r} has the layer {layer!r}, which NIR cannot say (or its readers do not take): use "
                "linear, 2d convolutional, average or sum pooling layers, sparse ones without delays"
            )

    def _flatten(self, name: str) -> None:
        if len(self.shape) == 1:
            return
        # Importers count the batch axis differently: only negative numbers mean the same to all.
        node = nir.Flatten(input_type={"input": np.array(self.shape)}, start_dim=-len(self.shape), end_dim=-1)
        self._add(f"{name}_flatten", node)
        self.shape = (int(np.prod(self.shape)),)

    def _pool(self, name: str, layer: nn.AvgPool2d | SumPool2d) -> None:
        kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
        if isinstance(layer, nn.AvgPool2d):
            if _pair(layer.padding) != (0, 0) or layer.ceil_mode or layer.divisor_override is not None:
                raise ValueError(
                    f"block {name!r} pools with {layer!r}: only pools without padding can be exported to NIR"
                )
            self.pooled *= kernel[0] * kernel[1]
        else:
            self.pooled /= layer.gain
        node = nir.SumPool2d(kernel_size=np.array(kernel), stride=np.array(stride), padding=np.array([0, 0]))
        self._add(f"{name}_pool", node)
        channels, height, width = self.shape
        self.shape = (channels, (height - kernel[0]) // stride[0] + 1, (width - kernel[1]) // stride[1] + 1)

    def _conv(self, name: str, layer: nn.Conv2d, gain: Any) -> nir.Conv2d:
        weight, padding, notes = square_conv(name, layer)
        self.notes += notes
        return nir.Conv2d(
            input_shape=tuple(self.shape[1:]),
            weight=_scaled(weight, gain / self.pooled),
            stride=layer.stride,
            padding=padding,
            dilation=layer.dilation,
            groups=1,
            bias=_bias(layer, gain),
        )

    def _weights(self, name: str, node: Any, shape: tuple[int, ...]) -> None:
        self._add(name, node)
        self.shape, self.pooled, self.weighted = shape, 1.0, True

    def _image_after(self, layer: nn.Conv2d, channels: int) -> tuple[int, ...]:
        with torch.no_grad():
            image = torch.empty(1, *self.shape, device="meta")
            weight = torch.empty_like(layer.weight, device="meta")
            after = nn.functional.conv2d(image, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return (channels, *after.shape[2:])

    def _add(self, name: str, node: Any) -> None:
        # The input, which has no number, stands before them.
        key = f"{len(self.nodes):02d}_{name}"
        self.nodes[key] = node
        self.edges.append((self.at, key))
        self.at = key


def _layers(synapse: nn.Module) -> list[nn.Module]:
    if isinstance(synapse, nn.Identity):
        return []
    if isinstance(synapse, nn.Sequential):
        return [layer for part in synapse for layer in _layers(part) if not isinstance(layer, nn.Identity)]
    return [synapse]


def _scaled(weight: Tensor, factor: Any) -> np.ndarray:
    """A weight or bias times a number, or times one number an output."""
    whole = weight.detach().cpu()
    # NumPy has no bfloat16, and float32 has all of its values.
    whole = whole.float() if whole.dtype == torch.bfloat16 else whole
    if np.ndim(factor):
        factor = torch.as_tensor(factor, dtype=whole.dtype).reshape(-1, *[1] * (whole.ndim - 1))
    scaled: np.ndarray = (whole * factor).numpy()
    return scaled


def _bias(layer: nn.Linear | nn.Conv2d | SparseLinear, gain: Any, size: int | None = None) -> np.ndarray:
    if layer.bias is None:
        return np.zeros(size or layer.weight.shape[0], np.float32)
    return _scaled(layer.bias, gain)


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
