"""Networks from an architecture string, or from the plain values that a run's settings hold."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from spikelearn.network.architecture import Conv, Dense, Layer, Pool, parse
from spikelearn.network.block import Block
from spikelearn.network.network import Network
from spikelearn.neurons import LIF, NEURONS, Neuron
from spikelearn.synapses import SumPool2d

NeuronFactory = Callable[[], Neuron]


def build(
    architecture: str,
    neuron: NeuronFactory = LIF.per_step,
    *,
    input_shape: Sequence[int] | None = None,
    output: NeuronFactory | None = None,
    readout: nn.Module | None = None,
    bias: bool = True,
    generator: torch.Generator | None = None,
) -> Network:
    r"""A network from a string such as ``784-400-10`` or ``15C5-P2-40C5-P2-300-10``.

    Dense and convolutional layers become blocks ``fc1, fc2, ...`` and ``conv1, ...``; pooling and flattening stand in
    front of the next block's weights. Convolutions are without padding and with stride 1 unless marked. Weights
    and biases are drawn from $U(-1/\sqrt{n}, 1/\sqrt{n})$, n the fan-in (torch's default).

    Args:
        architecture: the string; a leading number or ``2x34x34`` is the input.
        neuron: called once for every block; of a class that has one, the per-step form is taken (``LIF`` is
            ``LIF.per_step``: unit gain, decay 0.9), as everywhere where no time constant is named.
        input_shape: shape of one image, (C, H, W) or (n,); needed where the string begins with a convolution.
        output: called for the last block instead, for example ``LeakyIntegrator``.
        readout: from the last block's activity to scores; None: as ``Network`` chooses.
        bias: whether synapses have a bias.
        generator: where the weights come from; None: torch's global generator.

    Shapes: the network takes [T, B, *input_shape].

    Raises:
        ValueError: a wrong string, with the place; an input that does not fit; a layer larger than its image.
    """
    written, layers = parse(architecture)
    shape = _input_shape(architecture, written, input_shape)
    blocks: dict[str, Block] = {}
    front: list[nn.Module] = []
    counts = {"fc": 0, "conv": 0}
    for number, layer in enumerate(layers):
        module, shape = _module(architecture, layer, shape, bias)
        if isinstance(layer, Pool):
            front.append(module)
            continue
        if isinstance(layer, Dense):
            front.append(nn.Flatten())
        kind = "fc" if isinstance(layer, Dense) else "conv"
        counts[kind] += 1
        make = _per_step_form(output if output is not None and number == len(layers) - 1 else neuron)
        synapse = nn.Sequential(*front, module) if front else module
        blocks[f"{kind}{counts[kind]}"] = Block(synapse, make())
        front = []
    network = Network(blocks, readout=readout, input_shape=input_shape)
    if generator is not None:
        initialise(network, generator)
    return network


def initialise(network: Network, generator: torch.Generator) -> None:
    r"""Redraw weights and biases of all linear and convolutional layers from $U(-1/\sqrt{n}, 1/\sqrt{n})$."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            bound = 1.0 / math.sqrt(module.weight[0].numel())
            with torch.no_grad():
                module.weight.uniform_(-bound, bound, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-bound, bound, generator=generator)


def neuron_factory(name: str, options: Mapping[str, Any]) -> NeuronFactory:
    """A factory of registered neurons: the per-step form (unit gain), unless an option is only the constructor's.

    So ``{}`` is ``LIF.per_step()`` and ``{"decay": 0.8}`` another decay, but ``{"tau_mem": 0.02}`` is ``LIF(0.02)``,
    whose current is scaled by 1 - exp(-dt / tau_mem).

    Raises:
        ValueError: an unknown neuron or option, a value out of range.
    """
    kind = NEURONS.get(name)
    per_step = getattr(kind, "per_step", None)
    only_constructors = set(inspect.signature(kind).parameters) - set(inspect.signature(per_step or kind).parameters)
    make = kind if per_step is None or only_constructors & set(options) else per_step

    def factory() -> Neuron:
        made: Neuron = NEURONS.build(name, options, make)
        return made

    factory()
    return factory


def _per_step_form(make: NeuronFactory) -> NeuronFactory:
    form: NeuronFactory = getattr(make, "per_step", make) if isinstance(make, type) else make
    return form


def _input_shape(architecture: str, written: tuple[int, ...] | None, given: Sequence[int] | None) -> tuple[int, ...]:
    if written is None and given is None:
        raise ValueError(
            f"network string {architecture!r} begins with a convolution and says nothing of its input: pass "
            "input_shape=(C, H, W), or begin the string with it, for example 1x28x28-"
        )
    if written is None or given is None:
        return tuple(written or given or ())
    if math.prod(written) != math.prod(given):
        raise ValueError(
            f"network string {architecture!r} takes {math.prod(written)} input values, the data have "
            f"{math.prod(given)} ({' x '.join(map(str, given))}): begin it with {math.prod(given)}"
        )
    return tuple(given)


def _module(architecture: str, layer: Layer, shape: tuple[int, ...], bias: bool) -> tuple[nn.Module, tuple[int, ...]]:
    weights = layer.size * math.prod(shape) if isinstance(layer, Dense) else 0
    if weights > 2**31:
        raise ValueError(f"network string {architecture!r}: {layer} needs {weights:,} weights, which is too large")
    if isinstance(layer, Dense):
        return nn.Linear(math.prod(shape), layer.size, bias=bias), (layer.size,)
    if len(shape) != 3:
        raise ValueError(
            f"network string {architecture!r}: {layer} needs an image [C, H, W], but what arrives has shape "
            f"{list(shape)}"
        )
    channels, *size = shape
    padding = layer.padding if isinstance(layer, Conv) else 0
    after = [(edge + 2 * padding - layer.kernel) // layer.stride + 1 for edge in size]
    if min(edge + 2 * padding for edge in size) < layer.kernel:
        raise ValueError(
            f"network string {architecture!r}: {layer} is larger than the {size[0]} x {size[1]} image that arrives"
        )
    if isinstance(layer, Conv):
        conv = nn.Conv2d(channels, layer.filters, layer.kernel, layer.stride, layer.padding, bias=bias)
        return conv, (layer.filters, *after)
    pools = {"average": nn.AvgPool2d, "max": nn.MaxPool2d, "sum": SumPool2d}
    return pools[layer.kind](layer.kernel, layer.stride), (channels, *after)
