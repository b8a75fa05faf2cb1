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
    @staticmethod
    def forward(
        ctx: Any, current: Tensor, v0: Tensor, neuron: MembraneNeuron, spike_function: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        v = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes = torch.empty_like(v)
        u = v0
        for t in range(current.shape[0]):
            now, fired = v[t], spikes[t]
            torch.mul(u, neuron.decay_mem, out=now)
            now.add_(neuron.membrane_drive(current[t]))
            test = torch.ge if neuron.inclusive else torch.gt
            test(now - neuron.v_threshold, 0.0, out=fired)
            u = _reset(now, fired, neuron)
        ctx.neuron, ctx.spike_function = neuron, spike_function
        ctx.save_for_backward(v, spikes)
        ctx.set_materialize_grads(False)
        return spikes, v, u.clone() if u is v0 else u

    @staticmethod
    def backward(
        ctx: Any, grad_spikes: Tensor | None, grad_v: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        refuse_second_derivative()
        v, spikes = ctx.saved_tensors
        neuron, function = ctx.neuron, ctx.spike_function
        psi = function.derivative
        grad_current = torch.empty_like(v)
        error = torch.zeros_like(v[0]) if grad_last is None else grad_last.clone()
        for t in range(v.shape[0] - 1, -1, -1):
            spike_error = None if grad_spikes is None else grad_spikes[t]
            if function.reset_gradient and psi is not None:
                through_reset = error * _reset_slope(v[t], neuron)
                spike_error = through_reset if spike_error is None else spike_error + through_reset
            if neuron.reset == "to_value":
                error = error * (1.0 - spikes[t])
            if spike_error is not None and psi is not None:
                error = error + spike_error * psi(v[t] - neuron.v_threshold)
            if grad_v is not None:
                error = error + grad_v[t]
            torch.mul(error, neuron.gain_mem, out=grad_current[t])
            error = error * neuron.decay_mem
        return grad_current, error, None, None


def _reset(v: Tensor, spikes: Tensor, neuron: MembraneNeuron) -> Tensor:
    if neuron.reset == "subtract":
        return v - spikes * neuron.v_threshold
    kept = v * (1.0 - spikes)
    return kept if neuron.v_reset == 0.0 else kept.add_(spikes * neuron.v_reset)


def _reset_slope(v: Tensor, neuron: MembraneNeuron) -> Tensor | float:
    return -neuron.v_threshold if neuron.reset == "subtract" else neuron.v_reset - v
