"""Sequences whose derivatives stay within their step: forward as always, and a pass back that carries nothing on."""

from copy import copy
from typing import Any

import torch
from torch import Tensor

from spikelearn.events import remember_spikes
from spikelearn.fused.cpu.scan import _Scan
from spikelearn.fused.cpu.scan_settings import ScanSettings
from spikelearn.fused.registry import register_kernel
from spikelearn.neurons import IF, LIF, AdaptiveLIF, AtTheStep, CubaLIF, MembraneNeuron, Neuron, Surrogate

#: Places in ``ScanSettings.numbers`` by which a state enters the step after its own.
CARRIED: dict[type[Neuron], tuple[int, ...]] = {LIF: (0,), IF: (0,), CubaLIF: (0, 7), AdaptiveLIF: (0, 7, 8)}


@register_kernel(AtTheStep, LIF, "cpu")
@register_kernel(AtTheStep, IF, "cpu")
@register_kernel(AtTheStep, CubaLIF, "cpu")
@register_kernel(AtTheStep, AdaptiveLIF, "cpu")
def held_scan(
    adjoint: AtTheStep, neuron: MembraneNeuron, state: Any, current: Tensor
) -> tuple[Tensor, Tensor, Any] | None:
    """The sequence of a firing neuron with its states held fixed; None where that of its surrogate cannot be."""
    inner = adjoint.inner
    if type(inner) is not Surrogate or any(part.dtype != current.dtype for part in state) or not current.numel():
        return None
    settings = ScanSettings.of(inner, neuron, current.dtype, current.shape[2:])
    if settings is None:
        return None
    v, spikes, fired, active, *last = _HeldScan.apply(current, settings, *(part.detach() for part in state))
    remember_spikes(spikes, fired, int(active.sum()))
    return spikes, v, type(state)(*last)


class _HeldScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, settings: ScanSettings, *state: Tensor) -> tuple[Tensor, ...]:
        made: tuple[Tensor, ...] = _Scan.forward(ctx, current, settings, *state)
        # An error at a membrane goes to the step before it times the decay: with 0 it goes nowhere.
        ctx.settings, numbers = copy(settings), list(settings.numbers)
        for place in CARRIED[settings.neuron]:
            numbers[place] = 0 * numbers[place]
        ctx.settings.numbers = tuple(numbers)
        return made

    @staticmethod
    def backward(
        ctx: Any, grad_v: Tensor | None, grad_spikes: Tensor | None, _: None, __: None, *grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        errors: tuple[Tensor | None, ...] = _Scan.backward(ctx, grad_v, grad_spikes, None, None, *grad_last)
        return errors
