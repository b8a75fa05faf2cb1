"""The layers of a synapse with batch norms multiplied into the weights beside them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from spikelearn.synapses import SparseLinear

#: Layers that have weights.
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True)
class Weighted:
    """A linear or convolutional layer, and weight and bias as they are written, which may be other than its own.

    ``listed`` is the number of connections of one that lists them, whose weight is a matrix with zeros here.
    """

    layer: nn.Linear | nn.Conv1d | nn.Conv2d
    weight: Tensor
    bias: Tensor | None
    listed: int = 0


@dataclass(frozen=True)
class _Affine:
    """What a batch norm does to each channel in evaluation: a x + c, in double precision."""

    a: Tensor
    c: Tensor


def layers_of(synapse: nn.Module) -> list[nn.Module]:
    """The layers of a synapse in order, those in sequences laid open, without those that do nothing."""
    if isinstance(synapse, nn.Identity):
        return []
    if isinstance(synapse, nn.Sequential):
        return [layer for part in synapse for layer in layers_of(part)]
    return [synapse]


def folded(name: str, synapse: nn.Module) -> tuple[list[nn.Module | Weighted], bool]:
    """The layers of edge ``name`` without batch norms, and whether there was one.

    Raises:
        ValueError: a batch norm without running statistics, or one that stands beside no weights.
    """
    parts: list[nn.Module | Weighted] = []
    waiting: _Affine | None = None
    norms = False
    for layer in layers_of(synapse):
        if isinstance(layer, _BatchNorm):
            norms, affine = True, _affine(name, layer)
            last = parts[-1] if parts else None
            if isinstance(last, Weighted) and waiting is None:
                parts[-1] = _behind(last, affine)
            else:
                waiting = affine if waiting is None else _Affine(affine.a * waiting.a, affine.a * waiting.c + affine.c)
        elif (own := _weighted(layer)) is not None:
            parts.append(own if waiting is None else _before(name, own, waiting))
            waiting = None
        elif waiting is not None:
            raise ValueError(f"block {name!r} has a batch norm in front of {layer!r}, which has no weights for it")
        else:
            parts.append(layer)
    if waiting is not None:
        raise ValueError(f"block {name!r} has a batch norm without weights beside it, which NIR cannot say")
    return parts, norms


def _weighted(layer: nn.Module) -> Weighted | None:
    """A layer that has weights, as they are now, also those that are computed from others; None: another layer."""
    if isinstance(layer, SparseLinear) and not layer.longest:
        bias = None if layer.bias is None else layer.bias.detach()
        matrix = nn.Linear(layer.in_features, layer.out_features, bias=bias is not None, device="meta")
        return Weighted(matrix, layer.dense().detach(), bias, len(layer.weight))
    if isinstance(layer, WEIGHTED) and _is_plain(layer):
        return Weighted(layer, layer.weight.detach(), None if layer.bias is None else layer.bias.detach())
    return None


def _is_plain(layer: nn.Module) -> bool:
    return parametrize.type_before_parametrizations(layer) in WEIGHTED


def _affine(name: str, norm: Any) -> _Affine:
    if norm.running_mean is None:
        raise ValueError(
            f"block {name!r} has a batch norm without running statistics, of which nothing is known in evaluation: "
            "train it with track_running_stats=True"
        )
    a = 1.0 / (norm.running_var.double() + norm.eps).sqrt()
    a = a if norm.weight is None else a * norm.weight.detach().double()
    c = -norm.running_mean.double() * a
    return _Affine(a, c if norm.bias is None else c + norm.bias.detach().double())


def _behind(own: Weighted, norm: _Affine) -> Weighted:
    weight = own.weight.double() * norm.a.reshape(-1, *[1] * (own.weight.ndim - 1))
    bias = norm.c if own.bias is None else norm.a * own.bias.double() + norm.c
    return Weighted(own.layer, weight.to(own.weight.dtype), bias.to(own.weight.dtype), own.listed)


def _before(name: str, own: Weighted, norm: _Affine) -> Weighted:
    weight = own.weight.double()
    groups = getattr(own.layer, "groups", 1)
    rows, columns = len(weight) // groups, weight.shape[1]
    if len(norm.a) != groups * columns:
        raise ValueError(f"block {name!r} has a batch norm of {len(norm.a)} in front of {groups * columns} inputs")
    padding = getattr(own.layer, "padding", 0)
    padded = padding == "same" or (padding != "valid" and any(torch.as_tensor(padding).reshape(-1).tolist()))
    if padded and norm.c.any():
        raise ValueError(
            f"block {name!r} has a batch norm in front of a padded convolution: what it adds is not added to the zeros "
            "around the image, which weights cannot say: put it behind the convolution, or pad by nothing"
        )
    axes = [1] * (weight.ndim - 2)
    a, c = (values.reshape(groups, 1, columns).expand(groups, rows, columns) for values in (norm.a, norm.c))
    a, c = a.reshape(len(weight), columns, *axes), c.reshape(len(weight), columns, *axes)
    more = (weight * c).flatten(1).sum(1)
    bias = more if own.bias is None else own.bias.double() + more
    dtype = own.weight.dtype
    return Weighted(own.layer, (weight * a).to(dtype), bias.to(dtype), own.listed)
