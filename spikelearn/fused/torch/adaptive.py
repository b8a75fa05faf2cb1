"""The neuron with an adaptive threshold and a surrogate gradient: the backward pass over the sequence, by hand."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fast_path import refuse_second_derivative
from spikelearn.fused.registry import register_kernel
from spikelearn.fused.torch.membrane import (
    add_kept_error,
    arriving_errors,
    drive_into,
    error_after,
    is_known,
    reset_into,
    reset_slope,
)
from spikelearn.neurons import AdaptiveLIF, AdaptiveLIFState, SpikeFunction, Surrogate
from spikelearn.neurons.parts.constants import add_times, is_number


@register_kernel(Surrogate, AdaptiveLIF, "cpu", "cuda")
def adaptive_scan(
    adjoint: Surrogate, neuron: AdaptiveLIF, state: AdaptiveLIFState, current: Tensor
) -> tuple[Tensor, Tensor, AdaptiveLIFState] | None:
    """The sequence of AdaptiveLIF, equal to the eager loop bit for bit in its values; None for other functions."""
    if not is_known(adjoint, state, current):
        return None
    spikes, compared, last_v, last_a = _AdaptiveScan.apply(current, state.v, state.a, neuron, adjoint.spike_function)
    return spikes, compared, AdaptiveLIFState(last_v, last_a)


class _AdaptiveScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, current: Tensor, v0: Tensor, a0: Tensor, neuron: AdaptiveLIF, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        compared = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes = torch.empty_like(compared)
        test = torch.ge if neuron.inclusive else torch.gt
        u, a = v0, a0.clone()
        kept, after = torch.empty_like(a), torch.empty_like(a)
        # The potential before the rise is what the reset goes from: needed again only where its slope is.
        v = torch.empty_like(compared) if _needs_potential(neuron, spike_function) else None
        drive = drive_into(compared, current, neuron)
        for t, (arriving, now, fired) in enumerate(
            zip(drive.unbind(0), compared.unbind(0), spikes.unbind(0), strict=True)
        ):
            torch.mul(u, neuron.decay_mem, out=kept)
            potential = torch.add(kept, arriving, out=kept if v is None else v[t])
            torch.mul(a, neuron.beta, out=now)
            torch.sub(potential, now, out=now)
            test(now, neuron.v_threshold, out=fired)
            u = reset_into(after, potential, fired, neuron)
            a.mul_(neuron.decay_adaptation).add_(fired)
        ctx.neuron, ctx.spike_function = neuron, spike_function
        ctx.save_for_backward(compared, v)
        ctx.set_materialize_grads(False)
        return spikes, compared, u, a

    @staticmethod
    def backward(
        ctx: Any,
        grad_spikes: Tensor | None,
        grad_compared: Tensor | None,
        grad_last_v: Tensor | None,
        grad_last_a: Tensor | None,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        refuse_second_derivative()
        compared, v = ctx.saved_tensors
        neuron: AdaptiveLIF = ctx.neuron
        errors, psi = arriving_errors(ctx.spike_function, compared - neuron.v_threshold, grad_spikes, grad_compared)
        through_reset = ctx.spike_function.reset_gradient
        error, silent = error_after(compared, grad_last_v), torch.empty_like(compared[0])
        error_a = error_after(compared, grad_last_a)
        for t in range(len(compared) - 1, -1, -1):
            if psi is not None:
                errors[t].addcmul_(error_a, psi[t])
            if psi is not None and through_reset:
                slope = reset_slope(compared[t] if v is None else v[t], neuron)
                errors[t].addcmul_(error * slope, psi[t])
            add_times(error_a.mul_(neuron.decay_adaptation), errors[t], -neuron.beta, out=error_a)
            add_kept_error(errors[t], error, compared[t], silent, neuron)
            torch.mul(errors[t], neuron.decay_mem, out=error)
        return errors if is_number(neuron.gain_mem, 1.0) else errors.mul_(neuron.gain_mem), error, error_a, None, None


def _needs_potential(neuron: AdaptiveLIF, function: SpikeFunction) -> bool:
    return function.derivative is not None and function.reset_gradient and neuron.reset == "to_value"
