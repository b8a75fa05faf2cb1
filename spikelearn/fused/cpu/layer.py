"""Linear synapse and neuron in one where the input is sparse: the autograd side of it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spikelearn.event_products import add_outer_product, gather_pieces
from spikelearn.events import Events, events_of, remember_spikes, spikes_of
from spikelearn.fast_path import is_plain, refuse_second_derivative
from spikelearn.fused.cpu.scan import count_near, errors_of, keep
from spikelearn.fused.cpu.scan_settings import ScanSettings
from spikelearn.fused.cpu.sparse import Needed, sparse_gradients
from spikelearn.kernels.calling import array, flat, share_threads
from spikelearn.neurons import IF, LIF, Adjoint, MembraneNeuron, MembraneState, Neuron, Surrogate
from spikelearn.synapses import as_linear

#: About how many rows [T * B] of errors are there at once.
ROWS = 4096


def layer_scan(
    adjoint: Adjoint, synapse: nn.Module, neuron: Neuron, state: MembraneState | None, pre: Tensor, *, hollow: bool
) -> tuple[Tensor, Tensor, MembraneState] | None:
    """``drive`` and ``scan`` in one for sparse records, plain linear synapses, and LIF or IF; None elsewhere.

    The neurons' constants must be one number for all.

    With ``hollow`` the spikes are a tensor without values, for which the bytes kept with it stand: it may only be
    handed to ``layer_scan`` or ``filled``. So are the potentials then, where derivatives are kept as bytes.
    """
    linear = as_linear(synapse)
    if linear is None or type(neuron) not in (LIF, IF) or type(adjoint) is not Surrogate or neuron.per_neuron:
        return None
    assert isinstance(adjoint, Surrogate)
    assert isinstance(neuron, MembraneNeuron)
    settings = ScanSettings.of(adjoint, neuron, linear.weight.dtype, (linear.out_features,))
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
    return spikes, v, MembraneState(last)


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
        settings: ScanSettings,
        hollow: bool,
    ) -> tuple[Tensor, ...]:
        from spikelearn.fused.cpu import event_layer

        shape = (*pre.shape[:2], len(weight))
        unseen = hollow and settings.bytes
        v, spikes = (weight.new_zeros(1).expand(shape) if h else weight.new_empty(shape) for h in (unseen, hollow))
        last, fired = weight.new_empty(shape[1:]), torch.empty(shape, dtype=torch.uint8)
        slopes = torch.empty_like(fired) if settings.bytes else None
        active = torch.zeros(pre.shape[1], dtype=torch.int64)
        event_layer.forward(
            events.columns,
            events.offsets,
            *gather_pieces(weight, bias),
            array(v0.contiguous()),
            settings.numbers,
            (settings.surrogate, settings.peak),
            share_threads(),
            array(last[None][:0] if unseen else v),
            array(last[None][:0] if hollow else spikes),
            array(fired),
            None if slopes is None else flat(slopes),
            array(last),
            array(active),
        )
        kept = (v,) if slopes is None else (slopes, fired) if settings.forgets else (slopes,)
        keep(ctx, fired, active, weight, *kept)
        ctx.settings, ctx.events, ctx.shape, ctx.has_bias = settings, events, pre.shape, bias is not None
        return v, spikes, fired, active, last

    @staticmethod
    def backward(
        ctx: Any, grad_v: Tensor | None, grad_spikes: Tensor | None, _: None, __: None, *grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        weight, *kept = ctx.saved_tensors
        settings, events = ctx.settings, ctx.events
        needs_pre, needs_weight, needs_bias, needs_start, *_rest = ctx.needs_input_grad
        needed = Needed(needs_pre, needs_weight, ctx.has_bias and needs_bias)
        by_spikes_alone = grad_v is None and grad_last == (None,) and not needs_start
        sparse, first = None, None
        if settings.filtered and by_spikes_alone and grad_spikes is not None:
            sparse = sparse_gradients(settings, kept[0], grad_spikes, weight, events, needed)
        else:
            count_near(settings, kept[0])
        grad_pre, grad_weight, grad_bias = sparse or (None, None, None)
        if sparse is None or (needed.weight and grad_weight is None):
            arriving, rest = (grad_v, grad_spikes, grad_last[0]), needed if sparse is None else Needed(weight=True)
            dense = _dense_gradients(settings, kept, arriving, weight, events, rest)
            grad_pre, grad_weight, grad_bias, first = dense if sparse is None else (grad_pre, dense[1], grad_bias, None)
        return None if grad_pre is None else grad_pre.view(ctx.shape), grad_weight, grad_bias, first, None, None, None


def _dense_gradients(
    settings: ScanSettings,
    kept: Sequence[Tensor],
    arriving: tuple[Tensor | None, Tensor | None, Tensor | None],
    weight: Tensor,
    events: Events,
    needed: Needed,
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor]:
    """dX [T * B, n], dW, the bias's, and that of the initial potential; ``arriving`` in v, spikes and the last one.

    A few steps at a time, the last first: their errors are used while they are in the cache, and never all there.
    """
    grad_v, grad_spikes, error = arriving
    steps, batch, size = kept[0].shape
    pieces = -(-steps * batch // ROWS)
    together = -(-steps // pieces)
    grad_pre = weight.new_empty(steps * batch, weight.shape[1]) if needed.pre else None
    sums, bias = weight.new_empty(weight.shape[1], size), weight.new_zeros(size)
    for end in range(steps, 0, -together):
        now = slice(max(0, end - together), end)
        v_now, spikes_now = (None if grad is None else grad[now] for grad in (grad_v, grad_spikes))
        kept_now = [part[now] for part in kept]
        errors, (error,), total = errors_of(settings, kept_now, v_now, spikes_now, (error,), summed=needed.bias)
        rows, first = errors.flatten(0, 1), now.start * batch
        if grad_pre is not None:
            torch.mm(rows, weight, out=grad_pre[first : first + len(rows)])
        if needed.weight:
            add_outer_product(sums, events, first, rows, fresh=end == steps)
        if needed.bias:
            bias += total.sum(0)
    assert error is not None
    return grad_pre, sums.t().contiguous() if needed.weight else None, bias if needed.bias else None, error


class _Fill(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, record: Tensor, spikes: Tensor) -> Tensor:
        values = spikes.to(record.dtype)
        remember_spikes(values, spikes)
        return values

    @staticmethod
    def backward(_: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None
