"""Linear synapse and neuron in one where the input is sparse: the autograd side of it."""

from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.events import Events, events_of, gather_pieces, is_plain, outer_product, remember_spikes, spikes_of
from spikelearn.fused.cpu import Settings, array, errors_of, keep, share_threads
from spikelearn.neurons import IF, LIF, Adjoint, LIFState, MembraneNeuron, Neuron, Surrogate
from spikelearn.synapses import as_linear


def layer_scan(
    adjoint: Adjoint, synapse: nn.Module, neuron: Neuron, state: LIFState | None, pre: Tensor, *, hollow: bool
) -> tuple[Tensor, Tensor, LIFState] | None:
    """``drive`` and ``scan`` in one for sparse records, plain linear synapses, and LIF or IF; None elsewhere.

    With ``hollow`` the spikes are a tensor without values, for which the bytes kept with it stand: it may only be
    handed to ``layer_scan`` or ``filled``.
    """
    linear = as_linear(synapse)
    if linear is None or type(neuron) not in (LIF, IF) or type(adjoint) is not Surrogate:
        return None
    assert isinstance(adjoint, Surrogate)
    assert isinstance(neuron, MembraneNeuron)
    settings = Settings.of(adjoint, neuron, linear.weight.dtype)
    given = [*linear.parameters(), *(() if state is None else state)]
    if settings is None or not all(map(is_plain, given)) or any(part.dtype != linear.weight.dtype for part in given):
        return None
    events = events_of(pre)
    if events is None or events.shape[1] != linear.in_features:
        return None
    if state is None:
        state = neuron.initial_state(linear.weight.new_empty(pre.shape[1], linear.out_features))
    neuron.check_state(state, linear.weight.new_empty(1).expand(pre.shape[1], linear.out_features))
    v, spikes, fired, active, last = _Layer.apply(pre, linear.weight, linear.bias, state.v, events, settings, hollow)
    remember_spikes(spikes, fired, int(active.sum()))
    return spikes, v, LIFState(last)


def filled(record: Tensor) -> Tensor:
    """``record`` with its values, where it is one without."""
    spikes = spikes_of(record)
    return record if spikes is None or any(record.stride()) else _Fill.apply(record, spikes)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pre: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        v0: Tensor,
        events: Events,
        settings: Settings,
        hollow: bool,
    ) -> tuple[Tensor, ...]:
        from spikelearn.fused import numba_layer

        v = weight.new_empty(*pre.shape[:2], len(weight))
        spikes = v.new_zeros(1).expand_as(v) if hollow else torch.empty_like(v)
        last, fired = torch.empty_like(v[0]), torch.empty_like(v, dtype=torch.uint8)
        active = torch.zeros(pre.shape[1], dtype=torch.int64)
        numba_layer.forward(
            events.columns,
            events.offsets,
            *gather_pieces(weight, bias),
            array(v0.contiguous()),
            settings.numbers,
            share_threads(),
            array(v),
            array(v[:0] if hollow else spikes),
            array(fired),
            array(last),
            array(active),
        )
        keep(ctx, fired, active, v, weight)
        ctx.settings, ctx.events, ctx.shape, ctx.has_bias = settings, events, pre.shape, bias is not None
        return v, spikes, fired, active, last

    @staticmethod
    def backward(
        ctx: Any, grad_v: Tensor | None, grad_spikes: Tensor | None, _: None, __: None, *grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        v, weight = ctx.saved_tensors
        needs_pre, needs_weight, needs_bias, *_rest = ctx.needs_input_grad
        summed = ctx.has_bias and needs_bias
        errors, first, total = errors_of(ctx.settings, v, grad_v, grad_spikes, grad_last, summed=summed)
        rows = errors.flatten(0, 1)
        return (
            (rows @ weight).view(ctx.shape) if needs_pre else None,
            outer_product(ctx.events, rows) if needs_weight else None,
            total.sum(0) if summed else None,
            *first,
            None,
            None,
            None,
        )


class _Fill(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, record: Tensor, spikes: Tensor) -> Tensor:
        values = spikes.to(record.dtype)
        remember_spikes(values, spikes)
        return values

    @staticmethod
    def backward(_: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None
