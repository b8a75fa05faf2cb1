"""One-membrane neurons with a surrogate gradient: the backward pass over the whole sequence, by hand.

Plain torch operations without autograd between the steps: needs nothing but torch, on any device.
"""

from typing import Any

import torch
from torch import Tensor

from spikelearn.events import refuse_second_derivative
from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import IF, LIF, LIFState, MembraneNeuron, SpikeFunction, Surrogate


@register_kernel(Surrogate, LIF, "cpu", "cuda")
@register_kernel(Surrogate, IF, "cpu", "cuda")
def membrane_scan(
    adjoint: Surrogate, neuron: MembraneNeuron, state: LIFState, current: Tensor
) -> tuple[Tensor, Tensor, LIFState] | None:
    """The sequence of LIF or IF, equal to the eager loop bit for bit in its values; None for other spike functions."""
    if type(adjoint.spike_function) is not SpikeFunction or state.v.dtype != current.dtype:
        return None
    spikes, v, last = _MembraneScan.apply(current, state.v, neuron, adjoint.spike_function)
    return spikes, v, LIFState(last)


class _MembraneScan(torch.autograd.Function):
    """Few operations a step: what needs no order in time is done for the whole record at once."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, v0: Tensor, neuron: MembraneNeuron, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, Tensor]:
        v = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes = torch.empty_like(v)
        test = torch.ge if neuron.inclusive else torch.gt
        u = v0
        for drive, now, fired in zip(
            neuron.membrane_drive(current).unbind(0), v.unbind(0), spikes.unbind(0), strict=True
        ):
            torch.mul(u, neuron.decay_mem, out=now)
            now.add_(drive)
            test(now, neuron.v_threshold, out=fired)
            u = _reset(now, fired, neuron)
        ctx.neuron, ctx.spike_function = neuron, spike_function
        ctx.save_for_backward(v, spikes)
        ctx.set_materialize_grads(False)
        return spikes, v, u

    @staticmethod
    def backward(
        ctx: Any, grad_spikes: Tensor | None, grad_v: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        refuse_second_derivative()
        v, spikes = ctx.saved_tensors
        neuron, function = ctx.neuron, ctx.spike_function
        psi = None if function.derivative is None else function.derivative(v - neuron.v_threshold)
        through_reset = psi if function.reset_gradient else None
        arriving = None if psi is None or grad_spikes is None else grad_spikes * psi
        if grad_v is not None:
            arriving = grad_v if arriving is None else arriving + grad_v
        errors = torch.empty_like(v)
        error = torch.zeros_like(v[0]) if grad_last is None else grad_last
        for t in range(len(v) - 1, -1, -1):
            kept = torch.addcmul(error, error, spikes[t], value=-1.0) if neuron.reset == "to_value" else error
            if through_reset is not None:
                kept = kept + error * _reset_slope(v[t], neuron) * through_reset[t]
            if arriving is None:
                errors[t] = kept
            else:
                torch.add(kept, arriving[t], out=errors[t])
            error = errors[t] * neuron.decay_mem
        return errors if neuron.gain_mem == 1.0 else errors.mul_(neuron.gain_mem), error, None, None


def _reset(v: Tensor, spikes: Tensor, neuron: MembraneNeuron) -> Tensor:
    """The potential after reset; with spikes of 0 and 1 these are the eager loop's values exactly."""
    if neuron.reset == "subtract":
        return torch.sub(v, spikes, alpha=neuron.v_threshold)
    kept = torch.addcmul(v, v, spikes, value=-1.0)
    return kept if neuron.v_reset == 0.0 else kept.add_(spikes, alpha=neuron.v_reset)


def _reset_slope(v: Tensor, neuron: MembraneNeuron) -> Tensor | float:
    return -neuron.v_threshold if neuron.reset == "subtract" else neuron.v_reset - v
