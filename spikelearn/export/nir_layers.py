"""Nodes of NIR that keep nothing, as layers of torch, and the shapes that they map to."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.export.nir_nodes import Node
from spikelearn.synapses import Scale, SumPool2d

Shape = tuple[int, ...]

#: Axes of an input or output shape, and neurons of one population, beyond which a file is not believed.
MOST_AXES, MOST_NEURONS = 4, 2**28


def layer_of(node: Node, shape: Shape, *, flatten_batch: bool = False) -> tuple[nn.Module, Shape]:
    """The layer of a node for what arrives with ``shape``, without batch and time, and the shape of its result.

    Raises:
        ValueError: weights, sizes or shapes that do not fit each other.
    """
    try:
        layer = _made(node, shape, flatten_batch)
        after = _shape_after(layer, shape)
    except (RuntimeError, TypeError, IndexError) as error:  # torch says in many ways that something does not fit
        words = str(error).splitlines()[0]
        raise ValueError(f"node {node.name!r} of kind {node.kind} does not take {list(shape)} ({words})") from error
    if math.prod(after) > MOST_NEURONS or min(after, default=0) < 1:
        raise ValueError(f"node {node.name!r} maps {list(shape)} to {list(after)}: expected sizes from 1 up")
    return layer, after


def _made(node: Node, shape: Shape, flatten_batch: bool) -> nn.Module:
    if node.kind in ("Affine", "Linear"):
        return _linear(node, shape)
    if node.kind in ("Conv1d", "Conv2d"):
        return _conv(node, shape)
    if node.kind in ("AvgPool2d", "SumPool2d"):
        return _pool(node, shape)
    if node.kind == "Scale":
        return _scale(node)
    if node.kind == "Flatten":
        return _flatten(node, shape, flatten_batch)
    raise ValueError(f"node {node.name!r} of kind {node.kind} cannot stand here")


def weights_in(value: Any) -> Tensor:
    """An array as parameters have it: torch's default type."""
    return torch.from_numpy(np.array(value, np.float64)).to(torch.get_default_dtype())


def _give(layer: Any, weight: Any, bias: Any) -> None:
    with torch.no_grad():
        layer.weight.copy_(weights_in(weight))
        if layer.bias is not None:
            layer.bias.copy_(weights_in(bias))


def _check_weight(node: Node, axes: int) -> Any:
    weight = np.asarray(node["weight"])
    if weight.ndim != axes or not weight.size:
        raise ValueError(f"weight of node {node.name!r} has shape {list(weight.shape)}, expected {axes} axes")
    if "bias" in node.fields and np.shape(node["bias"]) != (len(weight),):
        raise ValueError(
            f"bias of node {node.name!r} has shape {list(np.shape(node['bias']))}, expected [{len(weight)}]"
        )
    return weight


def _linear(node: Node, shape: Shape) -> nn.Linear:
    weight = _check_weight(node, 2)
    outputs, inputs = weight.shape
    if shape != (inputs,):
        cure = "it lacks a Flatten, or counts its dimensions otherwise (mend flatten-batch)"
        raise ValueError(f"node {node.name!r} takes [{inputs}], but what arrives has shape {list(shape)}: {cure}")
    layer = nn.Linear(inputs, outputs, bias=node.kind == "Affine")
    _give(layer, weight, node.fields.get("bias"))
    return layer


def _whole(node: Node, name: str, count: int, least: int) -> Any:
    """A field of ``count`` whole numbers, or of one that stands for all."""
    value = np.asarray(node[name])
    numbers = value.reshape(-1).tolist()
    if len(numbers) not in (1, count) or any(n != int(n) or not least <= n <= 2**20 for n in numbers):
        raise ValueError(f"{name} of node {node.name!r} is {numbers[:4]}, expected {count} whole numbers from {least}")
    return tuple(int(n) for n in (numbers * count if len(numbers) == 1 else numbers))


def _conv(node: Node, shape: Shape) -> nn.Module:
    axes = 1 if node.kind == "Conv1d" else 2
    weight = _check_weight(node, axes + 2)
    if len(shape) != axes + 1:
        raise ValueError(f"node {node.name!r} takes [C, {'N' if axes == 1 else 'H, W'}], but {list(shape)} arrives")
    stride, dilation = _whole(node, "stride", axes, 1), _whole(node, "dilation", axes, 1)
    (groups,) = _whole(node, "groups", 1, 1)
    padding = node["padding"]
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"padding of node {node.name!r} is {padding!r}, expected 'same', 'valid' or numbers")
    else:
        padding = _whole(node, "padding", axes, 0)
    weight, groups, padding = _as_it_was(node, weight, groups, padding)
    channels = weight.shape[1] * groups
    if channels != shape[0] or len(weight) % groups:
        raise ValueError(
            f"weight of node {node.name!r} has shape {list(weight.shape)} in {groups} groups, which takes {channels} "
            f"channels, but {shape[0]} arrive"
        )
    kind: Any = nn.Conv1d if axes == 1 else nn.Conv2d
    bias = "bias" in node.fields and (bool(np.any(node["bias"])) or not _flag(node.metadata, "bias_free"))
    layer: nn.Module = kind(channels, len(weight), weight.shape[2:], stride, padding, dilation, groups, bias=bias)
    _give(layer, weight, node["bias"])
    return layer


def _flag(metadata: Mapping[str, Any], name: str) -> bool:
    value = metadata.get(name)
    return value is not None and not isinstance(value, str) and bool(np.any(value))


def _as_it_was(node: Node, weight: Any, groups: int, padding: Any) -> tuple[Any, int, Any]:
    """A convolution that was written with zeros around and between its weights, as this package does, without them."""
    said = node.metadata.get("groups"), node.metadata.get("kernel_size"), node.metadata.get("padding")
    if any(value is None for value in said) or groups != 1:
        return weight, groups, padding
    own_groups = int(np.asarray(said[0]).reshape(-1)[0]) if not isinstance(said[0], str) else 0
    kernel = [int(edge) for edge in np.asarray(said[1]).reshape(-1)] if not isinstance(said[1], str) else []
    own_padding: Any = said[2]
    if not isinstance(own_padding, str):
        own_padding = tuple(int(edge) for edge in np.asarray(own_padding).reshape(-1))
    maps, channels = weight.shape[:2]
    edges = weight.shape[2:]
    fits = own_groups > 0 and maps % own_groups == 0 == channels % own_groups and len(kernel) == len(edges)
    if not fits or any(not 1 <= own <= edge for own, edge in zip(kernel, edges, strict=True)):
        return weight, groups, padding
    middle = tuple(slice((edge - own) // 2, (edge - own) // 2 + own) for own, edge in zip(kernel, edges, strict=True))
    inner = weight[(slice(None), slice(None), *middle)]
    rows, columns = maps // own_groups, channels // own_groups
    parts = [inner[g * rows : (g + 1) * rows, g * columns : (g + 1) * columns] for g in range(own_groups)]
    own = np.concatenate(parts)
    # What is left out must be zeros, or the file says something else than its metadata.
    if np.count_nonzero(own) != np.count_nonzero(weight):
        return weight, groups, padding
    return own, own_groups, own_padding


def _pool(node: Node, shape: Shape) -> nn.Module:
    if len(shape) != 3:
        raise ValueError(f"node {node.name!r} takes [C, H, W], but {list(shape)} arrives")
    kernel, stride = _whole(node, "kernel_size", 2, 1), _whole(node, "stride", 2, 1)
    padding = _whole(node, "padding", 2, 0)
    if node.kind == "AvgPool2d":
        return nn.AvgPool2d(kernel, stride, padding)
    if padding == (0, 0) and kernel[0] == kernel[1] and stride[0] == stride[1]:
        return SumPool2d(kernel[0], stride[0])
    return nn.AvgPool2d(kernel, stride, padding, divisor_override=1)


def _scale(node: Node) -> nn.Module:
    factors = np.unique(np.asarray(node["scale"], np.float64))
    if factors.size != 1:
        raise ValueError(f"node {node.name!r} scales each value by its own factor: only one factor for all can be read")
    return Scale(float(factors[0]))


def _flatten(node: Node, shape: Shape, flatten_batch: bool) -> nn.Module:
    start, end = (int(np.asarray(node[name]).reshape(-1)[0]) for name in ("start_dim", "end_dim"))
    axes = len(shape)
    off = 0 if flatten_batch else 1
    # Of torch, whose first axis is the batch.
    first, last = (dim + off if dim >= 0 else axes + 1 + dim for dim in (start, end))
    if not 1 <= first <= last <= axes:
        raise ValueError(
            f"node {node.name!r} flattens the dimensions {start} to {end} of {list(shape)}, which has {axes}: mend "
            "flatten-batch where they are counted with the batch"
        )
    return nn.Flatten() if (first, last) == (1, axes) else nn.Flatten(first, last)


def _shape_after(layer: nn.Module, shape: Shape) -> Shape:
    """The shape of what a layer makes of ``shape``, found without memory for it."""
    if isinstance(layer, nn.Linear):
        return (layer.out_features,)
    with torch.no_grad():
        image = torch.empty(1, *shape, device="meta")
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            function: Any = nn.functional.conv1d if isinstance(layer, nn.Conv1d) else nn.functional.conv2d
            weight = torch.empty_like(layer.weight, device="meta")
            after = function(image, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
        else:
            after = layer(image)
    return tuple(after.shape[1:])
