"""NIR, in the form from which other simulators fire the same spikes."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.files import replacing
from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator, MembraneNeuron, Neuron
from spikelearn.synapses import SumPool2d

#: Time step in which the file's time constants are written, seconds: the only one that every importer takes.
FILE_DT = 1e-4


@FORMATS.register("nir")
class NIR(Format):
    r"""Neuromorphic Intermediate Representation (HDF5), one node for each synapse, pool and population.

    LIF and CubaLIF become ``CubaLIF`` with $\tau = dt/(1-\lambda)$ for the decays $\lambda$ per step,
    $w_{in} = \tau_{syn}/dt$ and $r = \tau_{mem}/dt$, so that one Euler step of an importer is one step of this network;
    dt = 0.1 ms whatever the network's own. Input gains are multiplied into the weights, an average pool is a sum pool
    with the next weights divided by its area, a sum pool's factor goes into the next weights, resting potentials are
    moved to 0, a threshold that fires at equality is lowered by one float32 ulp.

    Shapes: nodes carry shapes without batch and time; a network that flattens its input takes it flat.

    Raises:
        ValueError: a subtractive reset, v_leak other than v_reset, feedback, a delay, a layer that NIR does not have.

    Source: Pedersen et al., Nature Communications 15, 2024 (units: seconds); nodes of nir 1.0.
    """

    ending = ".nir"

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, str]) -> Exported:
        graph, notes = to_graph(network, input_shape, metadata)
        with replacing(path) as temporary:
            nir.write(temporary, graph)
        return Exported(path, notes)


def to_graph(
    network: Network, input_shape: Sequence[int], metadata: Mapping[str, str]
) -> tuple[nir.NIRGraph, tuple[str, ...]]:
    """The graph of a network, and notes on what it says in another way."""
    if network.feedback:
        raise ValueError(
            f"feedback edges {sorted(network.feedback)} cannot be exported to NIR yet: only forward networks"
        )
    writer = _Writer(network, tuple(input_shape))
    for name, block in network.blocks.items():
        writer.block(name, block)
    graph = writer.graph({**metadata, "dt": FILE_DT, "reset": "to_value", "spikelearn": version("spikelearn")})
    return graph, tuple(writer.notes)


class _Writer:
    """Nodes in execution order; names sort in that order, as readers that sort them need."""

    def __init__(self, network: Network, shape: tuple[int, ...]) -> None:
        first = next(iter(network.blocks.values())).synapse
        if isinstance(_layers(first)[0], nn.Flatten):
            shape = (int(np.prod(shape)),)
        self.shape = shape
        self.nodes: dict[str, Any] = {}
        self.notes: list[str] = []
        self.pooled = 1.0
        self._add("input", nir.Input(input_type={"input": np.array(shape)}))
        dts = sorted({block.neuron.dt for block in network.blocks.values()})
        if dts != [FILE_DT]:
            own = ", ".join(f"{dt} s" for dt in dts)
            self.notes.append(
                f"time constants are written for steps of {FILE_DT} s, which readers assume (the network's own: "
                f"{own}); step by step the spikes are the same"
            )
        readout = network.readout
        if not isinstance(readout, RateReadout) or not isinstance(readout.head, nn.Identity):
            self.notes.append(
                f"the readout {type(readout).__name__} is not part of the file, which ends in the last block"
            )

    def block(self, name: str, block: Block) -> None:
        if block.delay:
            raise ValueError(f"block {name!r} has a delay of {block.delay} steps, which cannot be exported to NIR yet")
        gain = _gain(name, block.neuron)
        if gain != 1.0:
            self.notes.append(f"the input gain {gain:g} of block {name!r} is multiplied into its weights")
        for layer in _layers(block.synapse):
            self._layer(name, layer, gain)
        self._add(f"{name}_neurons", _neurons(block.neuron, self.shape))

    def graph(self, metadata: dict[str, Any]) -> nir.NIRGraph:
        self._add("output", nir.Output(output_type={"output": np.array(self.shape)}))
        names = list(self.nodes)
        edges = list(zip(names[:-1], names[1:], strict=True))
        return nir.NIRGraph(nodes=self.nodes, edges=edges, metadata=metadata)

    def _layer(self, name: str, layer: nn.Module, gain: float) -> None:
        if isinstance(layer, nn.Flatten):
            self._flatten(name)
        elif isinstance(layer, nn.AvgPool2d | SumPool2d):
            self._pool(name, layer)
        elif type(layer) is nn.Linear:
            weight, bias = _scaled(layer.weight, gain / self.pooled), _bias(layer, gain)
            self._weights(name, nir.Affine(weight=weight, bias=bias), (layer.out_features,))
        elif type(layer) is nn.Conv2d:
            self._weights(name, self._conv(name, layer, gain), self._image_after(layer, layer.out_channels))
        else:
            raise ValueError(
                f"block {name!r} has the layer {layer!r}, which NIR cannot say: use linear, convolutional, average or "
                "sum pooling layers"
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

    def _conv(self, name: str, layer: nn.Conv2d, gain: float) -> nir.Conv2d:
        if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise ValueError(
                f"block {name!r} pads with {layer.padding_mode!r} by {layer.padding!r}: only zeros can be exported, "
                "with the padding as numbers"
            )
        return nir.Conv2d(
            input_shape=tuple(self.shape[1:]),
            weight=_scaled(layer.weight, gain / self.pooled),
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
            bias=_bias(layer, gain),
        )

    def _weights(self, name: str, node: Any, shape: tuple[int, ...]) -> None:
        self._add(name, node)
        self.shape, self.pooled = shape, 1.0

    def _image_after(self, layer: nn.Conv2d, channels: int) -> tuple[int, ...]:
        with torch.no_grad():
            image = torch.empty(1, *self.shape, device="meta")
            weight = torch.empty_like(layer.weight, device="meta")
            after = nn.functional.conv2d(image, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return (channels, *after.shape[2:])

    def _add(self, name: str, node: Any) -> None:
        self.nodes[f"{len(self.nodes):02d}_{name}"] = node


def _neurons(neuron: Neuron, shape: tuple[int, ...]) -> Any:
    """The population as a node; every array has the neurons' shape and is float64, as exactness needs."""

    def full(value: float) -> np.ndarray:
        return np.full(shape, value, np.float64)

    if isinstance(neuron, LeakyIntegrator):
        tau = FILE_DT / (1.0 - neuron.decay_mem)
        r = neuron.gain_mem / (1.0 - neuron.decay_mem)
        return nir.LI(tau=full(tau), r=full(r), v_leak=full(neuron.v_leak))
    assert isinstance(neuron, MembraneNeuron)
    threshold = neuron.v_threshold - neuron.v_reset
    if neuron.inclusive:
        threshold = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
    if isinstance(neuron, IF):
        return nir.IF(r=full(1.0 / FILE_DT), v_threshold=full(threshold), v_reset=full(0.0))
    decay_syn = neuron.decay_syn if isinstance(neuron, CubaLIF) else 0.0
    tau_mem, tau_syn = FILE_DT / (1.0 - neuron.decay_mem), FILE_DT / (1.0 - decay_syn)
    return nir.CubaLIF(
        tau_syn=full(tau_syn),
        tau_mem=full(tau_mem),
        r=full(tau_mem / FILE_DT),
        v_leak=full(0.0),
        v_reset=full(0.0),
        v_threshold=full(threshold),
        w_in=full(tau_syn / FILE_DT),
    )


def _gain(name: str, neuron: Neuron) -> float:
    """Factor on the current that goes into the weights; refuses what a node cannot say."""
    if type(neuron) is LeakyIntegrator:
        return 1.0
    if type(neuron) not in (LIF, IF, CubaLIF):
        raise ValueError(f"block {name!r} has {type(neuron).__name__} neurons, for which NIR has no node")
    assert isinstance(neuron, MembraneNeuron)
    if neuron.reset == "subtract":
        raise ValueError(
            f"block {name!r} resets by subtraction, which NIR cannot say (its neurons go to v_reset): train with "
            'reset="to_value" (--neuron-option reset=to_value)'
        )
    if neuron.v_leak != neuron.v_reset:
        raise ValueError(
            f"block {name!r} has v_leak {neuron.v_leak} and v_reset {neuron.v_reset}: importers of NIR start and reset "
            "at one potential, so only equal values can be exported"
        )
    return neuron.gain_mem * (neuron.gain_syn if isinstance(neuron, CubaLIF) else 1.0)


def _layers(synapse: nn.Module) -> list[nn.Module]:
    if isinstance(synapse, nn.Sequential):
        return [layer for part in synapse for layer in _layers(part) if not isinstance(layer, nn.Identity)]
    return [synapse]


def _scaled(weight: Tensor, factor: float) -> np.ndarray:
    scaled: np.ndarray = (weight.detach().cpu() * factor).numpy()
    return scaled


def _bias(layer: nn.Linear | nn.Conv2d, gain: float) -> np.ndarray:
    if layer.bias is None:
        return np.zeros(layer.weight.shape[0], np.float32)
    return _scaled(layer.bias, gain)


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
