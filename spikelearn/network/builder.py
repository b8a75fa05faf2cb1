"""Networks from an architecture string, or from the plain values that a run's settings hold."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from spikelearn.checks import check_count
from spikelearn.network.architecture import Back, Conv, Dense, Layer, Pool, parse
from spikelearn.network.block import Block, Feedback
from spikelearn.network.initialisers import Initialiser, Uniform
from spikelearn.network.network import Network
from spikelearn.network.readout import RateReadout
from spikelearn.neurons import LIF, NEURONS, MembraneNeuron, Neuron
from spikelearn.synapses import SumPool2d, bound_spectral_norm

NeuronFactory = Callable[[], Neuron]


def build(
    architecture: str,
    neuron: NeuronFactory = LIF.per_step,
    *,
    input_shape: Sequence[int] | None = None,
    output: NeuronFactory | None = None,
    readout: nn.Module | Literal["linear"] | None = None,
    bias: bool = True,
    delay: int = 0,
    batch_norm: bool = False,
    spectral_feedback: bool = False,
    init: Initialiser | None = None,
    generator: torch.Generator | None = None,
) -> Network:
    r"""A network from a string such as ``784-400-10`` or ``15C5-P2-40C5-P2-300-10``.

    Dense and convolutional layers become blocks ``fc1, fc2, ...`` and ``conv1, ...``; pooling and flattening stand in
    front of the next block's weights. Convolutions are without padding and with stride 1 unless marked. Feedback,
    as in ``784-400(F400)-10``, goes to the first block, without bias, one step late.

    Args:
        architecture: the string; a leading number or ``2x34x34`` is the input.
        neuron: called once for every block; of a class that has one, the per-step form is taken (``LIF`` is
            ``LIF.per_step``: unit gain, decay 0.9), as everywhere where no time constant is named.
        input_shape: shape of one image, (C, H, W) or (n,); needed where the string begins with a convolution.
        output: called for the last block instead, for example ``LeakyIntegrator``.
        readout: from the last block's activity to scores; None: as ``Network`` chooses; "linear": the last number of
            the string is no block but a linear layer on the rates of the block before, weighted by its neurons' decay.
        bias: whether synapses have a bias.
        delay: steps that spikes take from block to block; the input arrives at once.
        batch_norm: whether a batch norm stands behind the weights of every block, none behind feedback.
        spectral_feedback: whether feedback weights are reparametrised to a bounded spectral norm (``SpectralGain``).
        init: how weights are drawn; None: ``Uniform()``, torch's default.
        generator: where the weights come from; None: torch's global generator.

    Shapes: the network takes [T, B, *input_shape].

    Raises:
        ValueError: a wrong string, with the place; an input that does not fit; a layer larger than its image; feedback
            that does not fit the first block; a linear readout without a block before it.
    """
    check_count("delay", delay, least=0)
    if isinstance(readout, str) and readout != "linear":
        raise ValueError(f"readout is {readout!r}, expected 'linear', or a readout such as RateReadout()")
    written, layers = parse(architecture)
    shape = _input_shape(architecture, written, input_shape)
    head = layers.pop() if readout == "linear" else None
    if head is not None and not (
        isinstance(head, Dense) and head.back is None and layers and not isinstance(layers[-1], Pool)
    ):
        raise ValueError(
            f"network string {architecture!r} cannot end in a linear readout: it needs a layer of neurons, then the "
            "number of classes, for example 784-400-10"
        )
    made = _Blocks(architecture, shape, bias=bias, delay=delay, batch_norm=batch_norm)
    for number, layer in enumerate(layers):
        made.add(layer, output if output is not None and number == len(layers) - 1 else neuron)
    feedback = {
        f"from_{source}": _feedback(architecture, back, source, made.shapes, spectral_feedback)
        for source, back in made.backs.items()
    }
    if head is not None:
        readout = _linear_readout(made, head)
    assert not isinstance(readout, str)
    network = Network(made.blocks, feedback, readout, input_shape=input_shape)
    if generator is not None or init is not None:
        (init or Uniform())(network, generator or torch.default_generator)
    return network


class _Blocks:
    """The blocks of a string, layer after layer; what stands in front of the next weights waits."""

    def __init__(self, architecture: str, shape: tuple[int, ...], *, bias: bool, delay: int, batch_norm: bool) -> None:
        self.architecture, self.shape, self.bias = architecture, shape, bias
        self.delay, self.batch_norm = delay, batch_norm
        self.blocks: dict[str, Block] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.backs: dict[str, Back] = {}
        self.front: list[nn.Module] = []

    def add(self, layer: Layer, neuron: NeuronFactory) -> None:
        module, self.shape = _module(self.architecture, layer, self.shape, self.bias)
        if isinstance(layer, Pool):
            self.front.append(module)
            return
        kind = "fc" if isinstance(layer, Dense) else "conv"
        parts = [*self.front, *([nn.Flatten()] if kind == "fc" else []), module]
        if self.batch_norm:
            parts.append(nn.BatchNorm1d(layer.size) if isinstance(layer, Dense) else nn.BatchNorm2d(layer.filters))
        name = f"{kind}{1 + sum(known.startswith(kind) for known in self.blocks)}"
        synapse = nn.Sequential(*parts) if len(parts) > 1 else module
        delay = self.delay if self.blocks else 0
        self.blocks[name] = Block(synapse, _per_step_form(neuron)(), delay=delay)
        self.shapes[name], self.front = self.shape, []
        if layer.back is not None:
            self.backs[name] = layer.back


def _linear_readout(made: _Blocks, head: Dense) -> RateReadout:
    name, block = list(made.blocks.items())[-1]
    neuron = block.neuron
    decay = neuron.decay_mem if isinstance(neuron, MembraneNeuron) and neuron.reset == "subtract" else 1.0
    return RateReadout(nn.Linear(math.prod(made.shapes[name]), head.size), decay=decay)


def _feedback(
    architecture: str, back: Back, source: str, shapes: Mapping[str, tuple[int, ...]], spectral: bool
) -> Feedback:
    """The edge from ``source`` to the first block.

    Raises:
        ValueError: it does not give the first block's shape.
    """
    target, shape = next(iter(shapes.items()))
    sent, half = shapes[source], back.kernel // 2
    if back.kernel and len(sent) != 3:
        raise ValueError(f"network string {architecture!r}: feedback from {source!r} is no image, write (F{shape[0]})")
    gives = (back.size, *(edge * (2 if back.up else 1) for edge in sent[1:])) if back.kernel else (back.size,)
    if gives != shape:
        raise ValueError(
            f"network string {architecture!r}: feedback from {source!r} gives a current of shape {list(gives)}, but "
            f"the first block {target!r} has the shape {list(shape)}: write its size, as in 400(F400) or "
            "64C5(F64C5), and u where its image is twice as large"
        )
    synapse: nn.Module
    if back.kernel == 0:
        synapse = nn.Linear(sent[0], back.size, bias=False)
    elif back.up:
        synapse = nn.ConvTranspose2d(sent[0], back.size, back.kernel, 2, half, output_padding=1, bias=False)
    else:
        synapse = nn.Conv2d(sent[0], back.size, back.kernel, padding=half, bias=False)
    if spectral:
        bound_spectral_norm(synapse)
    return Feedback(source, target, synapse)


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
    if layer.kind == "sum":
        return SumPool2d(layer.kernel, layer.stride, gain=layer.gain), (channels, *after)
    pool = nn.AvgPool2d if layer.kind == "average" else nn.MaxPool2d
    return pool(layer.kernel, layer.stride), (channels, *after)
