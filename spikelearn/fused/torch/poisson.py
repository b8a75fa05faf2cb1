"""Poisson neurons over a whole sequence: a stream's draw at any step is known, so that all steps are one batch."""

import torch
from torch import Tensor

from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import Poisson, PoissonState, Surrogate
from spikelearn.neurons.parts.streams import STEP, uniform


@register_kernel(Surrogate, Poisson, "cpu", "cuda")
def poisson_scan(
    adjoint: Surrogate, neuron: Poisson, state: PoissonState, current: Tensor
) -> tuple[Tensor, Tensor, PoissonState] | None:
    """The sequence of Poisson neurons, equal to the loop over steps; None where a derivative is asked for."""
    if adjoint.differentiates or current.requires_grad or not len(current):
        return None
    steps = torch.arange(len(current), device=current.device).view(-1, *[1] * state.stream.ndim)
    u, streams = uniform(state.stream + steps * STEP, current.dtype)
    constant = current.stride(0) == 0 and len(current) > 1
    v = torch.log1p(u.neg_()).add_(neuron.rate * neuron.dt * (current[:1] if constant else current).relu())
    z = adjoint.spike_function(v - neuron.v_threshold, neuron.inclusive)
    return z, v, PoissonState(streams[-1])
