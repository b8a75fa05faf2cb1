"""The transpose of a synapse in weight space: which pre factor meets which post factor."""

from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.checks import check_shape
from spikelearn.event_products import outer_product
from spikelearn.events import Events, spikes_of
from spikelearn.synapses.images import correlate_images
from spikelearn.synapses.structure import as_float, as_linear, events_for, refuse_batch_statistics, rows_of, trainable
from spikelearn.synapses.windows import line_of, longest_delay

#: Rows [T*B] that the generic path maps at once; bounds its memory.
CHUNK = 4096


def correlate(synapse: nn.Module, pre: Tensor, post: Tensor) -> dict[str, Tensor]:
    r"""$C = \sum_{t,b} \mathrm{post}[t,b] \otimes \mathrm{pre}[t,b]$, shaped like each trainable parameter.

    It is the vector-Jacobian product of ``synapse`` in its parameters, so one definition serves dense,
    convolutional, grouped, strided, reparametrised and any later synapse. Frozen parameters are left out.

    Args:
        synapse: module from [B, in...] to [B, out...].
        pre: what met the weights, [T, B, in...]; of floating point, or spikes as bytes (bool or uint8).
        post: factor at the current, [T, B, out...].

    Shapes: each entry has the shape of its parameter; {} where none is trainable.

    Raises:
        ValueError: pre and post differ in T or B; the synapse uses batch statistics.
    """
    if pre.shape[:2] != post.shape[:2]:
        raise ValueError(
            f"pre has shape {list(pre.shape)} and post {list(post.shape)}, expected the same [T, B] in both"
        )
    parameters = trainable(synapse)
    if not parameters:
        return {}
    refuse_batch_statistics(synapse, "correlate")
    linear = as_linear(synapse)
    with torch.no_grad():
        if linear is not None:
            flat = pre.flatten(0, -2) if linear is synapse else rows_of(pre).flatten(1)
            return _linear(linear, parameters, flat, post.flatten(0, -2), events_for(linear, pre))
    line = line_of(pre.detach()) if longest_delay(synapse) else None
    if line is not None:
        return _along(synapse, parameters, line, post.detach())
    rows, factors = rows_of(pre).detach(), rows_of(post).detach()
    gradients = correlate_images(synapse, parameters, rows, factors, spikes_of(pre))
    return _generic(synapse, parameters, rows, factors) if gradients is None else gradients


def _linear(
    linear: nn.Linear, parameters: dict[str, nn.Parameter], rows: Tensor, factors: Tensor, events: Events | None
) -> dict[str, Tensor]:
    check_shape("post", factors, (rows.shape[0], linear.out_features), "one value per neuron of the synapse's target")
    gradients = {}
    for name, parameter in parameters.items():
        if parameter is linear.bias:
            gradients[name] = factors.sum(0)
        elif events is not None:
            gradients[name] = outer_product(events, factors.contiguous())
        else:
            gradients[name] = factors.t() @ as_float(rows, linear)
    return gradients


def _along(synapse: Any, parameters: dict[str, nn.Parameter], line: Tensor, post: Tensor) -> dict[str, Tensor]:
    with torch.enable_grad():
        current = synapse.along(as_float(line, synapse))
    check_shape("post", post, current.shape, "one value per neuron of the synapse's target")
    grads = torch.autograd.grad(current, list(parameters.values()), post, retain_graph=True)
    return dict(zip(parameters, grads, strict=True))


def _generic(
    synapse: nn.Module, parameters: dict[str, nn.Parameter], rows: Tensor, factors: Tensor
) -> dict[str, Tensor]:
    totals = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for some_rows, some_factors in zip(rows.split(CHUNK), factors.split(CHUNK), strict=True):
        with torch.enable_grad():
            current = synapse(as_float(some_rows, synapse))
        check_shape("post", some_factors, current.shape, "one value per neuron of the synapse's target")
        # A presentation caches reparametrised weights with their graph: it must survive this call.
        grads = torch.autograd.grad(current, list(parameters.values()), some_factors, retain_graph=True)
        for name, grad in zip(parameters, grads, strict=True):
            totals[name] += grad
    return totals
