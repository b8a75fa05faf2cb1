"""One time step of a network as ONNX, its state given and returned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.nir_fold import Weighted, folded
from spikelearn.extras import from_extra
from spikelearn.files import write_atomically
from spikelearn.network import Network, check_weights_finite
from spikelearn.neurons import IF, LIF, PLIF, CubaLIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.synapses import SumPool2d


@FORMATS.register("onnx")
class ONNX(Format):
    r"""One step as an ONNX graph: spikes and state in, spikes (or potentials of integrators) and state out.

    $i \leftarrow \alpha\,i + g_s\,I$ (CubaLIF alone), $v \leftarrow \lambda\,v + g\,i + c$, z = v > threshold (or >=),
    then v := v_reset, or v - threshold. Inputs ``x`` and ``<block>_v`` (and ``<block>_i``), zero, or v_leak, at the
    start; outputs ``y`` and ``<block>_v_next`` (``<block>_i_next``), to be given back as they come.

    Shapes: x [B, ...] as the network takes it, dimensionless; states [B, n] or [B, C, H, W].

    Raises:
        ValueError: onnx is missing; a network that is no chain, a layer or neuron that is not known here.

    Source: ONNX, operator set 17.
    """

    ending = ".onnx"
    mark = (b"\x08", 0)

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        model = step_model(network, input_shape)
        write_atomically(path, model.SerializeToString())
        return Exported(
            path, ("the file is one time step, whose state is given and returned; the readout is not in it",)
        )


def step_model(network: Network, input_shape: Sequence[int]) -> Any:
    """The ``onnx.ModelProto`` of one step; errors as of ``ONNX``."""
    onnx = from_extra("onnx", "an export as ONNX")
    check_weights_finite(network)
    if not network.wiring.chain or network.feedback or any(block.delay for block in network.blocks.values()):
        raise ValueError("the network is no chain of blocks without delays, as ONNX is written here")
    graph = _Graph(onnx, tuple(input_shape))
    shapes = network.shapes(torch.zeros(1, *input_shape))
    for name, block in network.blocks.items():
        graph.synapse(name, block.synapse)
        graph.neurons(name, block.neuron, shapes[name])
    return graph.model(shapes[network.outputs[0]])


class _Graph:
    """Nodes one after the other; ``at`` is the value that the next one takes."""

    def __init__(self, onnx: Any, shape: tuple[int, ...]) -> None:
        self.onnx, self.helper = onnx, onnx.helper
        self.nodes, self.constants, self.inputs, self.outputs = list[Any](), list[Any](), list[Any](), list[Any]()
        self.float = onnx.TensorProto.FLOAT
        self.at, self.count = "x", 0
        self.inputs.append(self.helper.make_tensor_value_info("x", self.float, ["B", *shape]))

    def _node(self, kind: str, *inputs: str, name: str | None = None, **options: Any) -> str:
        self.count += 1
        result = name or f"{kind.lower()}_{self.count}"
        self.nodes.append(self.helper.make_node(kind, list(inputs), [result], **options))
        return result

    def _constant(self, value: Any) -> str:
        self.count += 1
        array = np.asarray(value.detach().cpu().float() if isinstance(value, torch.Tensor) else value, np.float32)
        name = f"c_{self.count}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def synapse(self, name: str, synapse: nn.Module) -> None:
        """The layers of a block."""
        for part in folded(name, synapse)[0]:
            if isinstance(part, Weighted):
                self._weights(part)
            elif isinstance(part, nn.Flatten) and (part.start_dim, part.end_dim) == (1, -1):
                self.at = self._node("Flatten", self.at, axis=1)
            elif isinstance(part, nn.AvgPool2d | SumPool2d):
                self._pool(part)
            else:
                raise ValueError(f"block {name!r} has the layer {part!r}, which is not written as ONNX here")

    def _weights(self, part: Weighted) -> None:
        layer = part.layer
        given = [self.at, self._constant(part.weight)]
        given += [] if part.bias is None else [self._constant(part.bias)]
        if isinstance(layer, nn.Linear):
            self.at = self._node("Gemm", *given, transB=1)
            return
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            raise ValueError(f"{layer!r} pads by words or otherwise than with zeros: give padding in numbers")
        options: Any = {"strides": layer.stride, "dilations": layer.dilation, "group": layer.groups}
        self.at = self._node("Conv", *given, pads=[*layer.padding, *layer.padding], **options)

    def _pool(self, part: nn.AvgPool2d | SumPool2d) -> None:
        kernel, stride, padding = (_pair(getattr(part, key, 0)) for key in ("kernel_size", "stride", "padding"))
        if padding != (0, 0) or getattr(part, "ceil_mode", False):
            raise ValueError(f"{part!r} pads, which is not written as ONNX here")
        self.at = self._node("AveragePool", self.at, kernel_shape=kernel, strides=stride)
        area = kernel[0] * kernel[1]
        factor = area * part.gain if isinstance(part, SumPool2d) else area / (part.divisor_override or area)
        if factor != 1.0:
            self.at = self._node("Mul", self.at, self._constant(factor))

    def neurons(self, name: str, neuron: Any, shape: tuple[int, ...]) -> None:
        """One step of a block's neurons."""
        if type(neuron) is Rate and isinstance(neuron.activation, Linear):
            return  # what arrives is what they send
        if type(neuron) not in (LIF, PLIF, IF, CubaLIF, LeakyIntegrator):
            raise ValueError(f"block {name!r} has {type(neuron).__name__} neurons, which are not written as ONNX here")
        drive = self.at
        if isinstance(neuron, CubaLIF):
            kept = self._node("Mul", self._state(f"{name}_i", shape), self._constant(neuron.decay_syn))
            given = self._node("Mul", drive, self._constant(neuron.gain_syn))
            drive = self._node("Add", kept, given)
            self._returned(f"{name}_i", drive, shape)
        decay, gain, leak = _per_step(neuron)
        kept = self._node("Mul", self._state(f"{name}_v", shape), self._constant(decay))
        scaled = self._node("Mul", drive, self._constant(gain))
        v = self._node("Add", kept, self._node("Add", scaled, self._constant(leak)))
        if isinstance(neuron, LeakyIntegrator):
            self._returned(f"{name}_v", v, shape)
            self.at = v
            return
        threshold = self._constant(neuron.v_threshold)
        fires = self._node("GreaterOrEqual" if neuron.inclusive else "Greater", v, threshold)
        reset = self._node("Sub", v, threshold) if neuron.reset == "subtract" else self._constant(neuron.v_reset)
        self._returned(f"{name}_v", self._node("Where", fires, reset, v), shape)
        self.at = self._node("Cast", fires, to=self.float)

    def _state(self, name: str, shape: tuple[int, ...]) -> str:
        self.inputs.append(self.helper.make_tensor_value_info(name, self.float, ["B", *shape]))
        return name

    def _returned(self, name: str, value: str, shape: tuple[int, ...]) -> None:
        self._node("Identity", value, name=f"{name}_next")
        self.outputs.append(self.helper.make_tensor_value_info(f"{name}_next", self.float, ["B", *shape]))

    def model(self, shape: tuple[int, ...]) -> Any:
        """The whole, its first output ``y``."""
        self._node("Identity", self.at, name="y")
        outputs = [self.helper.make_tensor_value_info("y", self.float, ["B", *shape]), *self.outputs]
        graph = self.helper.make_graph(self.nodes, "step", self.inputs, outputs, self.constants)
        opset = [self.helper.make_opsetid("", 17)]
        model = self.helper.make_model(graph, producer_name="spikelearn", opset_imports=opset, ir_version=8)
        self.onnx.checker.check_model(model)
        return model


def _per_step(neuron: Any) -> tuple[Any, Any, Any]:
    """The factors on a membrane and on its input, and what is added, as they are now."""
    decay = neuron.decay_mem
    if not isinstance(neuron, PLIF):
        return decay, neuron.gain_mem, neuron.leak
    share = 1.0 - decay
    return decay, 1.0 if neuron.unit_gain else share * neuron.r, share * neuron.v_leak


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
