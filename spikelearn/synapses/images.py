"""Synapses made of image layers, which kernels pool and convolve wherever they are quicker."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.synapses.event_conv import correlate_conv, event_conv
from spikelearn.synapses.pooling import SumPool2d
from spikelearn.synapses.structure import as_float, is_hooked
from spikelearn.synapses.window_pool import window_pool


def map_images(synapse: nn.Module, rows: Tensor, spikes: Tensor | None = None) -> Tensor | None:
    """``synapse`` of ``rows`` [N, C, H, W], layer by layer; None where no layer is one for a kernel.

    Args:
        synapse: a layer, or several in a Sequential.
        rows: of floating point, or spikes as bytes.
        spikes: the same entries as bytes, where they are known.
    """
    if rows.ndim != 4:
        return None
    layers = _layers(synapse)
    if not any(isinstance(layer, nn.Conv2d) or _is_pool(layer) for layer in layers):
        return None
    for layer in layers:
        rows, spikes = _mapped(layer, rows, spikes, synapse), None
    return rows


def correlate_images(
    synapse: nn.Module, parameters: dict[str, nn.Parameter], rows: Tensor, post: Tensor, spikes: Tensor | None = None
) -> dict[str, Tensor] | None:
    """The sums of ``correlate`` for a convolution, pools before it; None where no kernel does them.

    Args:
        synapse: as in ``map_images``.
        parameters: those that are asked for, by name.
        rows: [N, C, H, W].
        post: factor at the current, [N, M, y, x].
        spikes: ``rows`` as bytes, where they are known.
    """
    *pools, conv = _layers(synapse)
    plain = isinstance(conv, nn.Conv2d) and not parametrize.is_parametrized(conv)
    if not plain or rows.ndim != 4 or not all(map(_is_pool, pools)):
        return None
    assert isinstance(conv, nn.Conv2d)
    with torch.no_grad():
        for pool in pools:
            rows, spikes = _mapped(pool, rows, spikes, synapse), None
        gradients = correlate_conv(conv, rows if spikes is None else spikes.view(rows.shape), post)
    if gradients is None:
        return None
    by_weight, by_bias = gradients
    return {name: by_weight if parameter is conv.weight else by_bias for name, parameter in parameters.items()}


def _mapped(layer: nn.Module, rows: Tensor, spikes: Tensor | None, synapse: nn.Module) -> Tensor:
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        rows = as_float(rows, synapse)
    current = event_conv(layer, rows, spikes) if isinstance(layer, nn.Conv2d) else window_pool(layer, rows, spikes)
    return layer(as_float(rows, synapse)) if current is None else current


def _layers(synapse: nn.Module) -> list[nn.Module]:
    if type(synapse) is nn.Sequential and len(synapse) and not is_hooked(synapse):
        return [synapse[place] for place in range(len(synapse))]
    return [synapse]


def _is_pool(layer: nn.Module) -> bool:
    return type(layer) in (nn.MaxPool2d, nn.AvgPool2d, SumPool2d)
