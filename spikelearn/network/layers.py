"""The modules that the layers and marks of an architecture string stand for."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch
from torch import nn

from spikelearn.checks import one_of
from spikelearn.network.architecture import Back, Conv, Dense, Joined, Layer, Neurons, Residual
from spikelearn.network.block import Feedback, Feedforward
from spikelearn.network.connections import release_of, synapse_of
from spikelearn.synapses import Residual as ResidualSynapse
from spikelearn.synapses import SumPool2d, bound_spectral_norm, standardise, without_self


def feedback_edge(
    architecture: str,
    back: Back,
    source: str,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    channels: int,
    spectral: bool,
    standard: bool,
    dt: float,
    generator: torch.Generator | None,
) -> Feedback:
    """The edge from ``source`` to the first block, its weights of bounded spectral norm or standardised.

    Raises:
        ValueError: it does not give the first block's shape; both of its weights, or a transposed convolution whose
            weights should be standardised; ``x`` for neurons of several ``channels``.
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
    if back.others and source != target:
        raise ValueError(
            f"network string {architecture!r}: (F{back.size}x) stands behind {source!r}, but x leaves out the way of "
            f"each neuron to itself, which only {target!r} has: write (F{back.size})"
        )
    if back.others and channels > 1:
        raise ValueError(
            f"network string {architecture!r}: (F{back.size}x) leaves out one weight a neuron, but those of {target!r} "
            f"take {channels} channels of current: write (F{back.size})"
        )
    if spectral and standard:
        raise ValueError(
            f"network string {architecture!r}: the feedback from {source!r} to {target!r} has a bounded spectral norm "
            "and standardised weights, expected one of the two: drop one"
        )
    synapse: nn.Module
    size = back.size * channels
    if back.kernel == 0 and back.connections.listed:
        _refuse_computed(architecture, f"feedback from {source!r}", spectral or standard)
        synapse = synapse_of(math.prod(sent), size, back.connections, bias=False, generator=generator)
    elif back.kernel == 0:
        synapse = nn.Linear(sent[0], size, bias=False)
    elif back.up:
        synapse = nn.ConvTranspose2d(sent[0], size, back.kernel, 2, half, output_padding=1, bias=False)
    else:
        synapse = nn.Conv2d(sent[0], size, back.kernel, padding=half, bias=False)
    if standard:
        standardise(synapse)
    if back.others and isinstance(synapse, nn.Linear):
        # Behind a standardisation, which would fill the diagonal.
        without_self(synapse)
    if spectral:
        bound_spectral_norm(synapse)
    return Feedback(source, target, synapse, release=release_of(back.connections, dt), current=back.current)


def returning_edge(
    architecture: str,
    returned: Joined,
    source: str,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    channels: int,
    dt: float,
    generator: torch.Generator | None,
) -> Feedback:
    """The edge from ``source`` back to the block that ``returned`` names, dense or of listed connections, without bias.

    Raises:
        ValueError: an unknown block, one that stands after the source, a target that is an image, ``x`` to another one.
    """
    target, connections = returned.source, returned.connections
    what = f"network string {architecture!r}: (>{target}) behind {source!r}"
    known = list(shapes)[: list(shapes).index(source) + 1]
    if target not in known:
        raise ValueError(f"{what} sends back to {target!r}, expected {one_of(target, known)}")
    if len(shapes[target]) != 1:
        raise ValueError(f"{what} sends to an image of shape {list(shapes[target])}, expected a dense layer")
    if connections.others and (source != target or channels > 1):
        raise ValueError(
            f"{what} has x, which leaves out the way of each neuron to itself: write it to {source!r} alone"
        )
    sent, size = math.prod(shapes[source]), shapes[target][0] * channels
    synapse: nn.Module
    if connections.listed or connections.others:
        synapse = synapse_of(sent, size, connections, bias=False, generator=generator)
    else:
        linear = nn.Linear(sent, size, bias=False)
        synapse = linear if len(shapes[source]) == 1 else nn.Sequential(nn.Flatten(), linear)
    return Feedback(source, target, synapse, release=release_of(connections, dt), current=returned.current)


def _refuse_computed(architecture: str, what: str, computed: bool) -> None:
    if computed:
        raise ValueError(
            f"network string {architecture!r}: {what} lists its connections, whose weights cannot be standardised nor "
            "bounded in norm: drop one of the two"
        )


def joining_edge(
    architecture: str,
    joined: Joined,
    target: str,
    shapes: Mapping[str, tuple[int, ...]],
    shape: tuple[int, ...],
    delay: int,
    *,
    standard: bool,
    dt: float,
    generator: torch.Generator | None,
) -> Feedforward:
    """A further edge from an earlier block, or the inputs, to ``target``, whose current has the ``shape``.

    Its weights are without bias.

    Raises:
        ValueError: spikes as they are of another shape; an image of no size that a stride makes the target's.
    """
    sent = shapes[joined.source]
    wrong = (
        f"network string {architecture!r}: {joined.source!r} sends {list(sent)} to {target!r} of shape {list(shape)}"
    )
    synapse: nn.Module
    if joined.connections.listed:
        _refuse_computed(architecture, f"the edge from {joined.source!r} to {target!r}", standard)
        if len(shape) != 1:
            raise ValueError(f"{wrong}, an image, but connections are listed for dense layers alone")
        synapse = synapse_of(math.prod(sent), shape[0], joined.connections, bias=False, generator=generator)
    elif not joined.weights:
        if sent != shape:
            raise ValueError(f"{wrong}, which cannot add up as it is: give it weights, (+{joined.source})")
        synapse = nn.Identity()
    elif len(shape) == 1:
        linear = nn.Linear(math.prod(sent), shape[0], bias=False)
        synapse = linear if len(sent) == 1 else nn.Sequential(nn.Flatten(), linear)
    else:
        stride = -(-sent[1] // shape[1]) if len(sent) == 3 else 0
        if not stride or [-(-edge // stride) for edge in sent[1:]] != list(shape[1:]):
            raise ValueError(
                f"{wrong}, to which no convolution of 1 x 1 leads, whatever its stride: keep the size of images by "
                "padding, as in 16C3p"
            )
        synapse = nn.Conv2d(sent[0], shape[0], 1, stride, bias=False)
    release = release_of(joined.connections, dt)
    return Feedforward(joined.source, target, synapse, delay=delay, release=release, current=joined.current)


def widened(layer: Neurons, channels: int) -> Neurons:
    """``layer`` with as many units, or maps, as its neurons have channels of current altogether."""
    if channels == 1:
        return layer
    if isinstance(layer, Dense):
        return replace(layer, size=layer.size * channels)
    return replace(layer, filters=layer.filters * channels)


def module_of(architecture: str, layer: Layer, shape: tuple[int, ...], bias: bool) -> tuple[nn.Module, tuple[int, ...]]:
    """The weights or the pool that ``layer`` is, for what arrives with ``shape``, and the shape of its result."""
    weights = layer.size * math.prod(shape) if isinstance(layer, Dense) and not layer.same else 0
    if weights > 2**31:
        raise ValueError(f"network string {architecture!r}: {layer} needs {weights:,} weights, which is too large")
    if isinstance(layer, Dense) and layer.same:
        if layer.size != math.prod(shape):
            raise ValueError(
                f"network string {architecture!r}: {layer.size}= takes what arrives one to one, but that are "
                f"{math.prod(shape)}: write {math.prod(shape)}="
            )
        return nn.Identity(), (layer.size,)
    if isinstance(layer, Dense):
        return nn.Linear(math.prod(shape), layer.size, bias=bias), (layer.size,)
    if len(shape) != 3:
        raise ValueError(
            f"network string {architecture!r}: {layer} needs an image [C, H, W], but what arrives has shape "
            f"{list(shape)}"
        )
    channels, *size = shape
    if isinstance(layer, Residual):
        block = ResidualSynapse(channels, layer.filters, layer.kernel, layer.stride, bias=bias)
        return block, (layer.filters, *(-(-edge // layer.stride) for edge in size))
    padding = layer.padding if isinstance(layer, Conv) else 0
    after = [(edge + 2 * padding - layer.kernel) // layer.stride + 1 for edge in size]
    if min(edge + 2 * padding for edge in size) < layer.kernel:
        raise ValueError(
            f"network string {architecture!r}: {layer} is larger than the {size[0]} x {size[1]} image that arrives"
        )
    if isinstance(layer, Conv):
        if layer.reflected and padding >= min(size):
            raise ValueError(
                f"network string {architecture!r}: {layer} reflects {padding} pixels of the {size[0]} x {size[1]} "
                "image that arrives, expected fewer than it has: pad less, or with zeros (p)"
            )
        mode: Literal["reflect", "zeros"] = "reflect" if layer.reflected else "zeros"
        conv = nn.Conv2d(
            channels, layer.filters, layer.kernel, layer.stride, layer.padding, bias=bias, padding_mode=mode
        )
        return conv, (layer.filters, *after)
    if layer.kind == "sum":
        return SumPool2d(layer.kernel, layer.stride, gain=layer.gain), (channels, *after)
    pool = nn.AvgPool2d if layer.kind == "average" else nn.MaxPool2d
    return pool(layer.kernel, layer.stride), (channels, *after)
