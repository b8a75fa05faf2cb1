"""Leaky membranes that do not fire: their potential is an exponential trace, and so is, reversed, their error."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import Adjoint, AtTheStep, LeakyIntegrator, MembraneState, Surrogate
from spikelearn.traces import reverse_trace, trace


@register_kernel(Surrogate, LeakyIntegrator, "cpu")
@register_kernel(AtTheStep, LeakyIntegrator, "cpu")
def leaky_scan(
    adjoint: Adjoint, neuron: LeakyIntegrator, state: MembraneState, current: Tensor
) -> tuple[Tensor, Tensor, MembraneState] | None:
    """The sequence of a leaky integrator, equal to the eager loop in its values; None for a decay of its own each."""
    known = current.dtype in (torch.float32, torch.float64) and state.v.dtype == current.dtype
    if not known or "decay_mem" in neuron.per_neuron or not current.numel():
        return None
    held = type(adjoint) is AtTheStep
    v = _Leaky.apply(neuron.membrane_drive(current), state.v.detach() if held else state.v, neuron.decay_mem, held)
    return torch.zeros_like(v, requires_grad=False), v, MembraneState(v[-1])


class _Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, start: Tensor, decay: float, held: bool) -> Tensor:
        ctx.decay, ctx.held = decay, held
        return trace(drive, decay, start)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        errors = grad if ctx.held or not ctx.decay else reverse_trace(grad, ctx.decay)
        return errors, ctx.decay * errors[0] if ctx.needs_input_grad[1] else None, None, None
