"""Rate neurons over a whole sequence: all steps are one batch, since none depends on the one before."""

import torch
from torch import Tensor

from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import Rate, RateState, Surrogate


@register_kernel(Surrogate, Rate, "cpu", "cuda")
def rate_scan(_: Surrogate, neuron: Rate, state: RateState, current: Tensor) -> tuple[Tensor, Tensor, RateState]:
    """The outputs of all steps at once; one step's where the current is constant in time."""
    if current.shape[0] > 1 and current.stride(0) == 0:
        return neuron.activation(current[0]).expand_as(current), current, state
    if neuron.activation.over_batch:
        return torch.stack([neuron.activation(step) for step in current]), current, state
    return neuron.activation(current.flatten(0, 1)).view_as(current), current, state
