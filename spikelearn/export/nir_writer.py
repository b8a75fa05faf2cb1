"""A network node by node as a NIR graph."""

from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.export.nir_conv import square_conv
from spikelearn.export.nir_fold import Weighted, folded, layers_of
from spikelearn.export.nir_neurons import FILE_DT, Form, Pools, Population, Unsayable, by_output, population_of
from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import LIF
from spikelearn.synapses import Scale, SumPool2d

Shape = tuple[int, ...]


class Writer:
    """Nodes in execution order; names sort in that order, as readers that sort them need, but for both ends.

    Args:
        network: what is written.
        shape: of one input.
        form: what a LIF becomes; "nir": nothing is multiplied into weights.
        lossy: whether what cannot be said is written as what is nearest.
        pools: what a pool is written as.
    """

    def __init__(
        self, network: Network, shape: Shape, form: Form, *, lossy: bool = False, pools: Pools = "sum"
    ) -> None:
        for name, edge in {**network.blocks, **network.feedforward, **network.feedback}.items():
            if edge.release is not None:
                raise ValueError(f"{name!r} has short-term plasticity, {edge.release}, for which NIR has no node")
        fed = [network.places[place].synapse for place in network.wiring.fed]
        if all(isinstance(next(iter(layers_of(synapse)), None), nn.Flatten) for synapse in fed):
            shape = (int(np.prod(shape)),)
        self.network, self.shape, self.form, self.lossy = network, shape, form, lossy
        self.raw, self.pools = form == "nir", pools
        #: {the inputs, or a block: the nodes whose sum it sends, by what the next weights divide it, and its shape}.
        self.sent: dict[str, tuple[tuple[str, ...], float, Shape]] = {"inputs": (("input",), 1.0, shape)}
        #: {block: the node of its neurons}, to which what comes back leads.
        self.neurons: dict[str, str] = {}
        self.gains: dict[str, Any] = {}
        self.at: tuple[str, ...] = ("input",)
        self.edges = list[tuple[str, str]]()
        self.nodes: dict[str, Any] = {"input": nir.Input(input_type={"input": np.array(shape)})}
        self.notes: list[str] = []
        self.factor = 1.0
        # Of numbers with which names sort: no more nodes than layers, and three a block or edge.
        most = sum(3 + len(layers_of(edge.synapse)) for edge in network.places.values())
        self.digits = max(2, len(str(most)))
        self._note_all()

    def _note_all(self) -> None:
        network = self.network
        dts = sorted({block.neuron.dt for block in network.blocks.values()})
        if dts != [FILE_DT]:
            own = ", ".join(f"{dt} s" for dt in dts)
            self.notes.append(
                f"time constants are written for steps of {FILE_DT} s, which readers assume (the network's own: "
                f"{own}); step by step the spikes are the same"
            )
        if self.form == "cuba-lif" and any(type(block.neuron) is LIF for block in network.blocks.values()):
            self.notes.append(
                "LIF neurons are written as CubaLIF with a filter of one step, in which readers of that node fire the "
                'same spikes bit for bit; for readers that know LIF alone: NIR(form="lif") (--form lif)'
            )
        readout = network.readout
        if not isinstance(readout, RateReadout) or not isinstance(readout.head, nn.Identity):
            self.notes.append(
                f"the readout {type(readout).__name__} is not part of the file, which ends in the last block"
            )

    def block(self, name: str, block: Block) -> None:
        """The nodes of a block and of the forward edges into it."""
        network = self.network
        joining = {edge: network.feedforward[edge] for edge in network.wiring.joining[name]}
        for edge in [block, *joining.values()]:
            if len(block.neuron.currents) > 1 and edge.current not in (None, block.neuron.currents[0]):
                raise ValueError(f"block {name!r} has neurons of several currents, which NIR cannot say")
        try:
            population, lost = population_of(block.neuron, self.form, lossy=self.lossy)
            self.notes += [f"block {name!r}: {words}" for words in lost]
            gain = by_output(population.gain)
            self.gains[name] = gain
            returning = network.wiring.returning[name]
            if population.node is None and returning:
                raise Unsayable("is fed back to, but its neurons have no node in NIR")
            passes = population.node is None and not joining
            own = self._edge(name, network.wiring.sources[name], block.synapse, gain, block.delay, passes=passes)
            factor = self.factor
            arriving = [
                self._edge(edge, joined.source, joined.synapse, gain, joined.delay) for edge, joined in joining.items()
            ]
            nodes = tuple(dict.fromkeys([*own, *(node for nodes in arriving for node in nodes)]))
            if len(nodes) < len(own) + sum(map(len, arriving)):
                raise Unsayable("adds up what one node sends twice, but edges of NIR are a set: give an edge weights")
            if population.node is not None:
                self._population(name, population, nodes)
                nodes = (self.neurons[name],)
        except Unsayable as error:
            raise ValueError(f"block {name!r} {error}") from error
        self.sent[name] = (nodes, factor if passes else 1.0, self.shape)
        self._note(name, gain, population.constants.get("v_threshold", 0.0))

    def _population(self, name: str, population: Population, arriving: tuple[str, ...]) -> None:
        """The node of a block's neurons; of one that feeds back to itself alone, a sub-graph with the way back."""
        node, back = population.made(self.shape), self._back_to_itself(name)
        if back is not None:
            self.notes.append(
                f"the feedback {back!r} of block {name!r} is written as a sub-graph, which snnTorch, Norse and "
                "SpikingJelly read; it is one step late, as in them"
            )
            weight, bias = self._weights_of(back)
            before: Any = self.nodes[arriving[0]]
            if bias.any() and not self.raw and hasattr(before, "bias"):
                # Readers bring nothing back at the first step, not even a bias.
                before.bias, bias = before.bias + bias, np.zeros_like(bias)
                self.notes.append(f"the bias of the feedback {back!r} is added to that of {arriving[0]}")
            recurrent = nir.Affine(weight=weight, bias=bias, metadata={"edge": back})
            size = np.array(self.shape)
            nodes = {
                "input": nir.Input(input_type={"input": size}),
                "lif": node,
                "output": nir.Output(output_type={"output": size}),
                "w_rec": recurrent,
            }
            edges = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
            node = nir.NIRGraph(nodes=nodes, edges=edges, metadata={})
        self.at = arriving
        self._add(f"{name}_neurons", node)
        self.neurons[name] = self.at[0]

    def _back_to_itself(self, name: str) -> str | None:
        """The one feedback edge of a block to itself, by dense weights, that a sub-graph can hold."""
        network = self.network
        edges = [edge for edge in network.wiring.returning[name] if network.feedback[edge].source == name]
        if len(edges) != 1 or len(network.wiring.returning[name]) != 1 or len(self.shape) != 1:
            return None
        parts, _ = folded(edges[0], network.feedback[edges[0]].synapse)
        return edges[0] if len(parts) == 1 and isinstance(getattr(parts[0], "layer", None), nn.Linear) else None

    def _weights_of(self, edge: str) -> tuple[np.ndarray, np.ndarray]:
        (part,), norms = folded(edge, self.network.feedback[edge].synapse)
        assert isinstance(part, Weighted)
        self._note_norm(edge, norms)
        gain = self.gains[self.network.feedback[edge].target]
        return scaled(part.weight, gain), bias_of(part, gain)

    def feedback(self, edge: str) -> None:
        """The nodes of an edge back, which close a circle; those of sub-graphs are there already."""
        back = self.network.feedback[edge]
        if back.target not in self.neurons or back.source not in self.sent:
            return  # what is read does not depend on it
        self.shape = self.sent[back.target][2]
        if edge == self._back_to_itself(back.target):
            return
        circle = self._reaches(back.target, back.source)
        try:
            # An edge is late by itself where it closes a circle, and only there.
            ends = self._edge(edge, back.source, back.synapse, self.gains[back.target], 0 if circle else 1)
        except Unsayable as error:
            raise ValueError(f"feedback {edge!r} {error}") from error
        made = [(end, self.neurons[back.target]) for end in ends]
        if any(pair in self.edges for pair in made):
            raise ValueError(
                f"feedback {edge!r} brings spikes as they are, where an edge stands already: give it weights"
            )
        self.edges += made
        self.notes.append(
            f"the feedback {edge!r} closes a circle of nodes, one step late: snnTorch and Norse take circles "
            "otherwise, or not at all"
            if circle
            else f"the feedback {edge!r} closes no circle of nodes: that it is one step late is a node"
        )

    def _reaches(self, start: str, end: str) -> bool:
        """Tell whether edges, those back among them, lead from a block to another, or back to itself."""
        backs = list(self.network.feedback.values())
        seen, ahead = set[str](), [end]
        while ahead:
            name = ahead.pop()
            if name not in seen and name != "inputs":
                seen.add(name)
                ahead += [source for _, source, _ in self.network.into(name)]
                ahead += [back.source for back in backs if back.target == name]
        return start in seen

    def graph(self, outputs: tuple[str, ...], metadata: dict[str, Any]) -> nir.NIRGraph:
        """The whole, once all blocks are written."""
        for number, read in enumerate(outputs):
            nodes, factor, shape = self.sent[read]
            if factor != 1.0:
                raise ValueError(f"block {read!r} ends in a pool whose factor {1 / factor:g} no weights behind it take")
            name = "output" if not number else f"output_{number + 1}"
            self.nodes[name] = nir.Output(output_type={"output": np.array(shape)})
            self.edges += [(node, name) for node in nodes]
        return nir.NIRGraph(nodes=self.nodes, edges=self.edges, metadata=metadata)

    def _note(self, name: str, gain: Any, threshold: Any) -> None:
        if np.any(gain != 1.0):
            low, high = np.min(gain), np.max(gain)
            words = f"gain {low:g}" if low == high else f"gains {low:g} to {high:g}"
            self.notes.append(f"the input {words} of block {name!r} is multiplied into its weights")
        if np.ptp(threshold):
            self.notes.append(
                f"each neuron of block {name!r} has its own threshold, which Norse reads; snnTorch takes one for all"
            )

    def _note_norm(self, name: str, norms: bool) -> None:
        if norms:
            self.notes.append(
                f"the batch norm of {name!r} is multiplied into its weights, with its running statistics, which is the "
                "same up to rounding"
            )

    def _edge(
        self, name: str, source: str, synapse: nn.Module, gain: Any, delay: int, *, passes: bool = False
    ) -> tuple[str, ...]:
        """The nodes of one synapse behind what ``source`` sends; returns the last of them, whose sum arrives."""
        self.at, self.factor, self.shape = self.sent[source]
        self.weighted = False
        if delay:
            self._delay(name, delay)
        parts, norms = folded(name, synapse)
        self._note_norm(name, norms)
        for part in parts:
            self._layer(name, part, gain)
        if not self.weighted and not passes and np.any(gain != self.factor):
            raise ValueError(
                f"{name!r} has no weights into which the factor {np.max(gain) / self.factor:g} could be multiplied, "
                "which NIR needs: use neurons of unit gain (LIF.per_step), or give it weights"
            )
        return self.at

    def _delay(self, name: str, delay: int) -> None:
        self._add(f"{name}_delay", nir.Delay(delay=np.full(self.shape, delay * FILE_DT)))
        self.notes.append(
            f"{name!r} is {delay} steps late by a node Delay, which Norse passes over in silence and snnTorch and "
            "SpikingJelly refuse"
        )

    def _layer(self, name: str, part: nn.Module | Weighted, gain: Any) -> None:
        if isinstance(part, nn.Flatten):
            self._flatten(name, part)
        elif isinstance(part, nn.AvgPool2d | SumPool2d):
            self._pool(name, part)
        elif isinstance(part, Scale):
            self._scale(name, part.factor)
        elif isinstance(part, Weighted) and isinstance(part.layer, nn.Linear):
            if part.listed:
                self._flatten(name, nn.Flatten())
                self.notes.append(f"the {part.listed} connections of {name!r} are written as a matrix with zeros")
            if len(self.shape) != 1:
                raise ValueError(f"block {name!r} maps {list(self.shape)} by {part.layer!r}, place by place, which NIR "
                                 "cannot say: flatten before it")  # fmt: skip
            weight, bias = scaled(part.weight, gain / self.factor), bias_of(part, gain)
            self._weights(name, nir.Affine(weight=weight, bias=bias), (part.layer.out_features,))
        elif isinstance(part, Weighted):
            self._weights(name, self._conv(name, part, gain), self._image_after(part))
        else:
            raise ValueError(
                f"block {name!r} has the layer {part!r}, which NIR cannot say (or its readers do not take): use "
                "linear, 1d or 2d convolutional, average or sum pooling layers, sparse ones without delays"
            )

    def _flatten(self, name: str, layer: nn.Flatten) -> None:
        first = layer.start_dim - 1 if layer.start_dim > 0 else len(self.shape) + layer.start_dim
        last = layer.end_dim - 1 if layer.end_dim > 0 else len(self.shape) + layer.end_dim
        if first >= last:
            return
        # Readers count the batch axis differently: only negative numbers mean the same to all.
        axes = len(self.shape)
        node = nir.Flatten(input_type={"input": np.array(self.shape)}, start_dim=first - axes, end_dim=last - axes)
        self._add(f"{name}_flatten", node)
        self.shape = (*self.shape[:first], int(np.prod(self.shape[first : last + 1])), *self.shape[last + 1 :])

    def _scale(self, name: str, factor: float) -> None:
        if self.raw:
            self._add(f"{name}_scale", nir.Scale(scale=np.full(self.shape, factor)))
        else:
            self.factor /= factor

    def _pool(self, name: str, layer: nn.AvgPool2d | SumPool2d) -> None:
        kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
        padding = _pair(getattr(layer, "padding", 0))
        plain = padding == (0, 0) or (self.raw and getattr(layer, "count_include_pad", True))
        divisor = getattr(layer, "divisor_override", None)
        if getattr(layer, "ceil_mode", False) or not plain:
            raise ValueError(f"block {name!r} pools with {layer!r}: only pools without padding can be exported to NIR")
        if isinstance(layer, SumPool2d):
            divisor, gain = 1, layer.gain
        else:
            divisor, gain = divisor or kernel[0] * kernel[1], 1.0
        area = kernel[0] * kernel[1]
        average = self.pools == "average" or (self.raw and divisor == area and divisor != 1)
        if self.pools == "conv" and kernel[0] == kernel[1] and padding == (0, 0):
            made = _sums(self.shape, kernel, stride)
        else:
            made = (nir.AvgPool2d if average else nir.SumPool2d)(*map(np.array, (kernel, stride, padding)))
        self._add(f"{name}_pool", made)
        channels, *edges = self.shape
        sizes = zip(edges, padding, kernel, stride, strict=True)
        self.shape = (channels, *((edge + 2 * p - k) // s + 1 for edge, p, k, s in sizes))
        factor = gain * area / divisor if average else gain / divisor
        if factor != 1.0:
            self._scale(name, factor)

    def _conv(self, name: str, part: Weighted, gain: Any) -> Any:
        layer: Any = part.layer
        square = square_conv(name, layer, part.weight)
        self.notes += square.notes
        one = isinstance(layer, nn.Conv1d)
        # nir 1.0 wants one number of an axis, and pairs of two.
        number: Any = (lambda values: int(values[0])) if one else tuple
        padding: Any = number(square.padding)
        around = [d * (k - 1) / 2 for d, k in zip(layer.dilation, square.weight.shape[2:], strict=True)]
        if (
            self.form == "exponential-lif"
            and set(layer.stride) == {1}
            and any(around)
            and list(square.padding) == around
        ):
            padding = "same"  # the only padding that a reader of this form knows
        made: Any = (nir.Conv1d if one else nir.Conv2d)(
            input_shape=self.shape[1] if one else tuple(self.shape[1:]),
            weight=scaled(square.weight, gain / self.factor),
            stride=number(layer.stride),
            padding=padding,
            dilation=number(layer.dilation),
            groups=1,
            bias=bias_of(part, gain),
        )
        if square.notes:
            # What it was, for this package's own reader.
            own = layer.padding if isinstance(layer.padding, str) else np.array(layer.padding)
            made.metadata = {"groups": layer.groups, "kernel_size": np.array(layer.kernel_size), "padding": own}
        return made

    def _weights(self, name: str, node: Any, shape: Shape) -> None:
        if len(self.at) > 1 and self.factor == 1.0 and not shape:
            raise Unsayable("has no neurons")
        self._add(name, node)
        self.shape, self.factor, self.weighted = shape, 1.0, True

    def _image_after(self, part: Weighted) -> Shape:
        layer: Any = part.layer
        function: Any = nn.functional.conv1d if isinstance(layer, nn.Conv1d) else nn.functional.conv2d
        with torch.no_grad():
            image = torch.empty(1, *self.shape, device="meta")
            weight = torch.empty(layer.weight.shape, device="meta")
            after = function(image, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        return (layer.out_channels, *after.shape[2:])

    def _add(self, name: str, node: Any) -> None:
        # The input, which has no number, stands before them.
        key = f"{len(self.nodes):0{self.digits}d}_{name}"
        self.nodes[key] = node
        self.edges += [(at, key) for at in self.at]
        self.at = (key,)


def _sums(shape: Shape, kernel: tuple[int, int], stride: tuple[int, int]) -> nir.Conv2d:
    """The sums of a pool as a convolution of each channel with ones."""
    channels = shape[0]
    weight = np.zeros((channels, channels, *kernel), np.float32)
    weight[range(channels), range(channels)] = 1.0
    bias = np.zeros(channels, np.float32)
    return nir.Conv2d(tuple(shape[1:]), weight, stride, (0, 0), (1, 1), 1, bias)


def scaled(weight: Tensor, factor: Any) -> np.ndarray:
    """A weight or bias times a number, or times one number an output."""
    whole = weight.detach().cpu()
    # NumPy has no bfloat16, and float32 has all of its values.
    whole = whole.float() if whole.dtype == torch.bfloat16 else whole
    if np.ndim(factor):
        factor = torch.as_tensor(factor, dtype=whole.dtype).reshape(-1, *[1] * (whole.ndim - 1))
    product: np.ndarray = (whole * factor).numpy()
    return product


def bias_of(part: Weighted, gain: Any) -> np.ndarray:
    """The bias times the input gain; zeros where there is none, which readers want."""
    if part.bias is None:
        return np.zeros(part.weight.shape[0], np.float32)
    return scaled(part.bias, gain)


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
