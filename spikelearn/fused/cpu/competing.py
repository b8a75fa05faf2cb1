"""A competing population over a whole sequence, compiled; where no derivative is asked for."""

from typing import Any

import torch
from torch import Tensor

from spikelearn.fused.registry import register_kernel
from spikelearn.kernels.calling import array
from spikelearn.neurons import DiehlCookLIF, DiehlCookLIFState, Surrogate
from spikelearn.neurons.diehl_cook_lif import PARTNER


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
    from spikelearn.kernels import diehl_cook

    rows = rows_of(state)
    given = current[:1] if current.stride(0) == 0 else current
    spikes = torch.empty_like(current, memory_format=torch.contiguous_format)
    v = torch.empty_like(spikes)
    own, partner = constants_of(neuron, array(rows).dtype)
    diehl_cook.scan(array(given.contiguous()), array(rows), own, partner, array(spikes), array(v))
    return spikes, v, state_of(rows, state.age + float(len(current)))


def rows_of(state: DiehlCookLIFState) -> Tensor:
    """The rows of the compiled loops' state, [rows, B, n], with traces at 0."""
    trace = torch.zeros_like(state.v)
    return torch.stack([*state[:6], *state[7:], trace, trace])


def state_of(rows: Tensor, age: Tensor) -> DiehlCookLIFState:
    """The neurons' state from the rows of the compiled loops'."""
    before, after = rows[:6].unbind(0), rows[6:9].unbind(0)
    return DiehlCookLIFState._make((*before, age, *after))


def constants_of(neuron: DiehlCookLIF, kind: Any) -> tuple[Any, Any]:
    """The numbers of neurons and of partners, as the compiled loops take them."""
    import numpy as np

    own: list[Any] = [neuron.dt / neuron.tau_mem, neuron.v_leak, neuron.v_reset, neuron.v_threshold]
    own += [neuron.v_excitatory, neuron.v_inhibitory, neuron.decay_excitatory, neuron.decay_inhibitory]
    own += [neuron.rest_steps, neuron.theta_plus if neuron.training else 0.0, neuron.theta_start]
    own += [neuron.excitation, neuron.inhibition]
    partner: list[Any] = [neuron.dt / PARTNER.tau_mem, PARTNER.v_leak, PARTNER.v_reset, PARTNER.v_threshold]
    partner += [PARTNER.v_excitatory, neuron.decay_excitatory, neuron.partner_steps, neuron.excitation]
    return np.array(own, kind), np.array(partner, kind)
