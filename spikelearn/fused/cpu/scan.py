"""Sequence kernels for the CPU, compiled by numba: the autograd side of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelearn.events import remember_spikes
from spikelearn.fast_path import refuse_second_derivative
from spikelearn.fused.cpu.scan_settings import REAL, ErrorCount, ScanSettings
from spikelearn.fused.registry import register_kernel
from spikelearn.kernels.calling import array, share_threads
from spikelearn.neurons import (
    IF,
    LIF,
    TSSL,
    AdaptiveLIF,
    CubaLIF,
    CubaLIFState,
    MembraneNeuron,
    Surrogate,
)
from spikelearn.neurons.adjoints.tssl import LARGEST, LAYER_RATE, WIDTH


@register_kernel(Surrogate, LIF, "cpu")
@register_kernel(Surrogate, IF, "cpu")
@register_kernel(Surrogate, CubaLIF, "cpu")
@register_kernel(Surrogate, AdaptiveLIF, "cpu")
def surrogate_scan(
    adjoint: Surrogate, neuron: MembraneNeuron, state: Any, current: Tensor
) -> tuple[Tensor, Tensor, Any] | None:
    """The sequence of a firing neuron, equal to the eager loop bit for bit in its values; None where it cannot be."""
    settings = ScanSettings.of(adjoint, neuron, current.dtype, current.shape[2:])
    if settings is None or any(part.dtype != current.dtype for part in state) or not current.numel():
        return None
    v, spikes, fired, active, *last = _Scan.apply(current, settings, *state)
    remember_spikes(spikes, fired, int(active.sum()))
    return spikes, v, type(state)(*last)


@register_kernel(TSSL, CubaLIF, "cpu")
def tssl_scan(
    adjoint: TSSL, neuron: CubaLIF, state: CubaLIFState, current: Tensor
) -> tuple[Tensor, Tensor, CubaLIFState] | None:
    """The sequence of a current-based neuron under TSSL; None for other types."""
    adjoint.check_neuron(neuron)
    known = current.dtype in REAL and all(part.dtype == current.dtype for part in state) and current.numel()
    if not known:
        return None
    v, spikes, fired, active, *last = _TSSLScan.apply(current, neuron, adjoint, *state)
    remember_spikes(spikes, fired, int(active.sum()))
    return spikes, v, CubaLIFState(*last)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, settings: ScanSettings, *state: Tensor) -> tuple[Tensor, ...]:
        v, spikes, fired, active, last = _records(current, state)
        settings.kernels.forward(
            _steps(current),
            _each(state),
            settings.numbers,
            _steps(v),
            _steps(spikes),
            _steps(fired),
            _each(last),
            _flat(active),
        )
        ctx.settings = settings
        keep(ctx, fired, active, *kept_of(settings, v, fired))
        return v, spikes, fired, active, *last

    @staticmethod
    def backward(
        ctx: Any, grad_v: Tensor | None, grad_spikes: Tensor | None, _: None, __: None, *grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        kept = ctx.saved_tensors
        count_near(ctx.settings, kept[0])
        errors, first, _total = errors_of(ctx.settings, kept, grad_v, grad_spikes, grad_last, summed=False)
        return errors, None, *first


class _TSSLScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, neuron: CubaLIF, adjoint: TSSL, *state: Tensor) -> tuple[Tensor, ...]:
        from spikelearn.fused.cpu import tssl

        v, spikes, fired, active, last = _records(current, state)
        silent = torch.empty_like(fired)
        real = REAL[current.dtype]
        names = ("decay_mem", "gain_mem", "v_threshold", "decay_syn", "gain_syn")
        ctx.numbers = tuple(real(getattr(neuron, name)) for name in names)
        tssl.forward(
            _steps(current),
            _each(state),
            ctx.numbers,
            _steps(v),
            _steps(spikes),
            _steps(fired),
            _steps(silent),
            _each(last),
            _flat(active),
        )
        if adjoint.warm_up != "element":
            wholly = {"always": True, "never": False}.get(adjoint.warm_up)
            silent = silent[:1].fill_(int(active.sum()) <= LAYER_RATE * v.numel() if wholly is None else wholly)
        ctx.adjoint = adjoint
        keep(ctx, fired, active, v, state[0], silent)
        ctx.mark_non_differentiable(fired, active, *last)
        return v, spikes, fired, active, *last

    @staticmethod
    def backward(ctx: Any, grad_v: Tensor | None, q: Tensor | None, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        from spikelearn.fused.cpu import tssl

        refuse_second_derivative()
        if grad_v is not None:
            raise ValueError("the adjoint tssl has no derivative of potentials: use a loss on spikes, or Surrogate")
        v, start, silent = ctx.saved_tensors
        if q is None:
            return None, None, None, None, None
        adjoint, real, decay = ctx.adjoint, REAL[v.dtype], ctx.numbers[0]
        errors, through_reset = torch.empty_like(v), -decay if adjoint.bptt_reset else 1 - decay
        settings = (real(through_reset), real(adjoint.cap), real(WIDTH), real(LARGEST), adjoint.intra)
        tssl.backward(_steps(v), _flat(start), _steps(silent), _steps(q), ctx.numbers, *settings, _steps(errors))
        return errors, None, None, None, None


def keep(ctx: Any, fired: Tensor, active: Tensor, *saved: Tensor) -> None:
    ctx.save_for_backward(*saved)
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(fired, active)


def kept_of(settings: ScanSettings, v: Tensor, fired: Tensor) -> tuple[Tensor, ...]:
    """What a forward pass keeps for ``errors_of``: potentials, or derivatives as bytes, and spikes if they forget."""
    if not settings.bytes:
        return (v,)
    from spikelearn.fused.cpu import derivative_bytes

    slopes = torch.empty_like(fired)
    derivative_bytes.as_bytes(_flat(v), settings.numbers[3], settings.surrogate, settings.peak, _flat(slopes))
    return (slopes, fired) if settings.forgets else (slopes,)


def count_near(settings: ScanSettings, kept: Tensor) -> None:
    """Fill the count of errors that are not zero, where there is one; from potentials, or derivatives as bytes."""
    if settings.count is None:
        return
    from spikelearn.fused.cpu import sparse_errors

    near = np.empty(share_threads(), np.int64)
    sparse_errors.count_near(_flat(kept), settings.center, settings.near[1], near)
    settings.count.active, settings.count.entries = int(near.sum()), kept.numel()


def error_count(spikes: Tensor) -> ErrorCount | None:
    """What the backward pass through the neurons behind ``spikes`` will count; None where it does not."""
    settings = getattr(spikes.grad_fn, "settings", None)
    return settings.count if isinstance(settings, ScanSettings) else None


def _records(current: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
    """What a forward pass fills: v, spikes, the same as bytes, the number of spikes of every block, the last state."""
    from spikelearn.fused.cpu.constants import BLOCK

    v = torch.empty_like(current, memory_format=torch.contiguous_format)
    active = torch.empty(-(-v[0].numel() // BLOCK), dtype=torch.int64)
    last = tuple(torch.empty_like(v[0]) for _ in state)
    return v, torch.empty_like(v), torch.empty_like(v, dtype=torch.uint8), active, last


def errors_of(
    settings: ScanSettings,
    kept: Sequence[Tensor],
    grad_v: Tensor | None,
    grad_spikes: Tensor | None,
    grad_last: tuple[Tensor | None, ...],
    *,
    summed: bool,
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """The error at every current, at the initial state, and, if ``summed``, the first one's sum over time."""
    refuse_second_derivative()
    errors = torch.empty_like(kept[0], dtype=settings.dtype)
    first = tuple(torch.empty_like(errors[0]) for _ in grad_last)
    total = torch.empty_like(errors[0]) if summed else errors.new_empty(0)
    none = errors.new_zeros(1, *errors.shape[1:])
    given_spikes = _steps(none if grad_spikes is None else grad_spikes)
    given_v = _steps(none if grad_v is None else grad_v)
    after = _each(tuple(none[0] if part is None else part for part in grad_last))
    if settings.bytes:
        from spikelearn.fused.cpu import derivative_bytes

        slopes = _steps(kept[0])
        derivative_bytes.backward(
            slopes,
            _steps(kept[1]) if settings.forgets else slopes[:0],
            given_spikes,
            given_v,
            after[0],
            settings.numbers,
            settings.peak,
            _steps(errors),
            _flat(first[0]),
            _flat(total),
        )
        return errors, first, total
    settings.kernels.backward(
        _steps(kept[0]),
        given_spikes,
        given_v,
        after,
        settings.numbers,
        settings.surrogate,
        settings.reset_gradient,
        _steps(errors),
        _each(first),
        _flat(total),
    )
    return errors, first, total


def _steps(record: Tensor) -> Any:
    """``record`` [T, B, ...] as an array [T, N], or [1, N] where all steps are the same."""
    if record.stride(0) == 0:
        record = record[:1]
    return array(record.contiguous()).reshape(len(record), -1)


def _flat(values: Tensor) -> Any:
    return array(values.contiguous()).reshape(-1)


def _each(parts: tuple[Tensor, ...]) -> tuple[Any, ...]:
    return tuple(_flat(part) for part in parts)
