"""The current-based neuron with a surrogate gradient: a low-pass filter, then the scan of one membrane."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fast_path import refuse_second_derivative
from spikelearn.fused.registry import register_kernel
from spikelearn.fused.torch.membrane import MembraneScan, error_after, is_known
from spikelearn.neurons import CubaLIF, CubaLIFState, Surrogate
from spikelearn.neurons.parts.constants import Constant, is_number


@register_kernel(Surrogate, CubaLIF, "cpu", "cuda")
def cuba_scan(
    adjoint: Surrogate, neuron: CubaLIF, state: CubaLIFState, current: Tensor
) -> tuple[Tensor, Tensor, CubaLIFState] | None:
    """The sequence of CubaLIF, equal to the eager loop bit for bit in its values; None for other spike functions."""
    if not is_known(adjoint, state, current):
        return None
    i, last_i = _LowPass.apply(current, state.i, neuron.decay_syn, neuron.gain_syn)
    spikes, v, last_v = MembraneScan.apply(i, state.v, neuron, adjoint.spike_function)
    return spikes, v, CubaLIFState(last_v, last_i)


class _LowPass(torch.autograd.Function):
    """i[t] = decay i[t-1] + gain I[t]; it is linear, so backward needs nothing of forward."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, i0: Tensor, decay: Constant, gain: Constant) -> tuple[Tensor, Tensor]:
        out = torch.empty_like(current, memory_format=torch.contiguous_format)
        arriving = current if is_number(gain, 1.0) else torch.mul(current, gain, out=out)
        i, kept = i0, torch.empty_like(out[0])
        for drive, now in zip(arriving.unbind(0), out.unbind(0), strict=True):
            torch.mul(i, decay, out=kept)
            i = torch.add(kept, drive, out=now)
        ctx.decay, ctx.gain = decay, gain
        return out, i.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_last: Tensor) -> tuple[Tensor, Tensor, None, None]:
        refuse_second_derivative()
        errors = torch.empty_like(grad, memory_format=torch.contiguous_format)
        error = error_after(errors, grad_last)
        for t in range(len(grad) - 1, -1, -1):
            torch.add(grad[t], error, out=errors[t])
            torch.mul(errors[t], ctx.decay, out=error)
        return errors if is_number(ctx.gain, 1.0) else errors.mul_(ctx.gain), error, None, None
