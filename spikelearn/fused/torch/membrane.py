"""One-membrane neurons with a surrogate gradient: the backward pass over the whole sequence, by hand.

Plain torch operations without autograd between the steps: needs nothing but torch, on any device.
"""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fast_path import refuse_second_derivative
from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import IF, LIF, MembraneNeuron, MembraneState, SpikeFunction, Surrogate
from spikelearn.neurons.parts.constants import add_times, is_number


@register_kernel(Surrogate, LIF, "cpu", "cuda")
@register_kernel(Surrogate, IF, "cpu", "cuda")
def membrane_scan(
    adjoint: Surrogate, neuron: MembraneNeuron, state: MembraneState, current: Tensor
) -> tuple[Tensor, Tensor, MembraneState] | None:
    """The sequence of LIF or IF, equal to the eager loop bit for bit in its values; None for other spike functions."""
    if not is_known(adjoint, state, current):
        return None
    spikes, v, last = MembraneScan.apply(current, state.v, neuron, adjoint.spike_function)
    return spikes, v, MembraneState(last)


def is_known(adjoint: Surrogate, state: tuple[Tensor, ...], current: Tensor) -> bool:
    """Whether the equations of the hand-written passes are those of this spike function, at one precision."""
    return type(adjoint.spike_function) is SpikeFunction and all(part.dtype == current.dtype for part in state)


class MembraneScan(torch.autograd.Function):
    """(current, v0, neuron, spike function) -> (spikes, v, last v).

    Few operations a step, in buffers that are used again; backward tells the spikes from the potentials.
    """

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, v0: Tensor, neuron: MembraneNeuron, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, Tensor]:
        v = torch.empty_like(current, memory_format=torch.contiguous_format)
        spikes = torch.empty_like(v)
        test = torch.ge if neuron.inclusive else torch.gt
        u, kept, after = v0, torch.empty_like(v[0]), torch.empty_like(v[0])
        drive = drive_into(v, current, neuron)
        for arriving, now, fired in zip(drive.unbind(0), v.unbind(0), spikes.unbind(0), strict=True):
            torch.mul(u, neuron.decay_mem, out=kept)
            torch.add(kept, arriving, out=now)
            test(now, neuron.v_threshold, out=fired)
            u = reset_into(after, now, fired, neuron)
        ctx.neuron, ctx.spike_function = neuron, spike_function
        ctx.save_for_backward(v)
        ctx.set_materialize_grads(False)
        return spikes, v, u

    @staticmethod
    def backward(
        ctx: Any, grad_spikes: Tensor | None, grad_v: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        refuse_second_derivative()
        (v,) = ctx.saved_tensors
        neuron = ctx.neuron
        errors, psi = arriving_errors(ctx.spike_function, v - neuron.v_threshold, grad_spikes, grad_v)
        through_reset = psi if ctx.spike_function.reset_gradient else None
        error, silent = error_after(v, grad_last), torch.empty_like(v[0])
        for t in range(len(v) - 1, -1, -1):
            if through_reset is not None:
                errors[t].addcmul_(error * reset_slope(v[t], neuron), through_reset[t])
            add_kept_error(errors[t], error, v[t], silent, neuron)
            torch.mul(errors[t], neuron.decay_mem, out=error)
        return errors if is_number(neuron.gain_mem, 1.0) else errors.mul_(neuron.gain_mem), error, None, None


def drive_into(v: Tensor, current: Tensor, neuron: MembraneNeuron) -> Tensor:
    """``neuron.membrane_drive`` of the whole record, in the memory of ``v`` unless it is the current itself."""
    if is_number(neuron.gain_mem, 1.0) and is_number(neuron.leak, 0.0):
        return current
    torch.mul(current, neuron.gain_mem, out=v)
    return v if is_number(neuron.leak, 0.0) else v.add_(neuron.leak)


def reset_into(after: Tensor, v: Tensor, spikes: Tensor, neuron: MembraneNeuron) -> Tensor:
    """The potential after reset; with spikes of 0 and 1 these are the eager loop's values exactly."""
    if neuron.reset == "subtract":
        return add_times(v, spikes, -neuron.v_threshold, out=after)
    torch.addcmul(v, v, spikes, value=-1.0, out=after)
    return after if is_number(neuron.v_reset, 0.0) else add_times(after, spikes, neuron.v_reset, out=after)


def arriving_errors(
    function: SpikeFunction, distance: Tensor, grad_spikes: Tensor | None, grad_v: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """What arrives at the potential from outside, in a tensor of its own, and psi of ``distance`` [T, B, ...]."""
    psi = None if function.derivative is None else function.derivative(distance)
    if psi is None or grad_spikes is None:
        errors = torch.zeros_like(distance)
        return errors if grad_v is None else errors.copy_(grad_v), psi
    errors = grad_spikes * psi
    return errors if grad_v is None else errors.add_(grad_v), psi


def error_after(v: Tensor, grad_last: Tensor | None) -> Tensor:
    """The error of the state after the last step, in a tensor of its own."""
    return torch.zeros_like(v[0]) if grad_last is None else torch.empty_like(v[0]).copy_(grad_last)


def add_kept_error(into: Tensor, error: Tensor, compared: Tensor, silent: Tensor, neuron: MembraneNeuron) -> None:
    """Add what of ``error`` passes the reset with its spikes held; ``silent`` is a buffer."""
    if neuron.reset == "subtract":
        into.add_(error)
        return
    # A comparison into floats: bytes would have to be widened, and spikes to be kept.
    (torch.lt if neuron.inclusive else torch.le)(compared, neuron.v_threshold, out=silent)
    into.addcmul_(error, silent)


def reset_slope(v: Tensor, neuron: MembraneNeuron) -> Tensor | float:
    """Derivative of the potential after reset in the spike."""
    return -neuron.v_threshold if neuron.reset == "subtract" else neuron.v_reset - v
