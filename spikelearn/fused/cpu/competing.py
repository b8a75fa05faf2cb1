"""A competing population over a whole sequence, compiled; where no derivative is asked for."""

import torch
from torch import Tensor

from spikelearn.fused.registry import register_kernel
from spikelearn.kernels.calling import array
from spikelearn.neurons import DiehlCookLIF, DiehlCookLIFState, Surrogate
from spikelearn.neurons.diehl_cook_lif import constants_of, rows_of, state_of


@register_kernel(Surrogate, DiehlCookLIF, "cpu")
def competing_scan(
    adjoint: Surrogate, neuron: DiehlCookLIF, state: DiehlCookLIFState, current: Tensor
) -> tuple[Tensor, Tensor, DiehlCookLIFState] | None:
    """The sequence of the population, equal to the loop over steps in its values; None where it cannot be."""
    known = current.dtype in (torch.float32, torch.float64) and all(part.dtype == current.dtype for part in state)
    if adjoint.differentiates or current.requires_grad or not known or not current.numel():
        return None
    if neuron.per_neuron or neuron.inclusive:
        return None
    # Imported when it is first needed: numba takes longer to import than most commands to run.
    import numpy as np

    from spikelearn.kernels import diehl_cook

    rows = rows_of(state)
    given = current[:1] if current.stride(0) == 0 else current
    spikes = torch.empty_like(current, memory_format=torch.contiguous_format)
    v = torch.empty_like(spikes)
    own, partner = (np.array(numbers, array(rows).dtype) for numbers in constants_of(neuron))
    diehl_cook.scan(array(given.contiguous()), array(rows), own, partner, array(spikes), array(v))
    return spikes, v, state_of(rows, state.age + float(len(current)))
