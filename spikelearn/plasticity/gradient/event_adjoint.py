"""The adjoint of exact spike times: errors of spikes, carried back through a layer in jumps at its spikes."""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.plasticity.gradient.event_times import Fired, Solution, Spikes, chunks


class Adjoints(NamedTuple):
    r"""$\lambda_V$ and $\lambda_I$ just before each spike of a layer, [B, n, R]; 0 where there is none."""

    v: Tensor
    current: Tensor


class CarriedBack(NamedTuple):
    """What the errors of a layer's spikes come to.

    Args:
        weight: derivative in the weights, sum of the samples, [n, sources].
        errors: derivative in the time of each spike that arrived, per second, [B, K].
    """

    weight: Tensor
    errors: Tensor


def carry_back(
    solution: Solution, spikes: Spikes, fired: Fired, errors: Tensor, weight: Tensor, factor: Tensor | None = None
) -> CarriedBack:
    """Carry the errors of a layer's spikes to its weights and to the spikes that arrived.

    Args:
        solution: of its neurons.
        spikes: that arrived.
        fired: the layer's own.
        errors: derivative of the loss in the time of each of these, per second, [B, n, R].
        weight: [n, sources], float64.
        factor: of the current of each neuron, [B, n]; None: 1.
    """
    change, arrived = torch.zeros_like(weight).t().contiguous(), torch.zeros_like(spikes.times)
    for rows, some in chunks(spikes, len(weight)):
        own = Fired(*(part[rows] for part in fired))
        at_spikes = adjoints(solution, own, errors[rows])
        lambda_v, lambda_i = _at(solution, own, at_spikes, some.times)
        met = (solution.gain * some.sizes).unsqueeze(2)
        if factor is not None:
            met = met * factor[rows].to(met).unsqueeze(1)
        change.index_add_(0, some.sources.flatten(), (-solution.tau_syn * met * lambda_i).flatten(0, 1))
        arrived[rows] = (weight.t()[some.sources] * met * (lambda_v - lambda_i)).sum(2)
    return CarriedBack(change.t(), arrived)


def adjoints(solution: Solution, fired: Fired, errors: Tensor) -> Adjoints:
    r"""The adjoints just before each spike, from the last one back.

    Both are 0 at the end. Backward in time $\tau_m \lambda_V' = -\lambda_V$ and
    $\tau_s \lambda_I' = -\lambda_I + \lambda_V$, and at a spike with the error e,

    $$\lambda_V \leftarrow \frac{I}{I - \vartheta}\, \lambda_V + \frac{e}{I - \vartheta} .$$
    """
    there = fired.times.isfinite()
    v = current = fired.times.new_zeros(fired.times.shape[:2])
    found_v, found_current = torch.zeros_like(errors), torch.zeros_like(errors)
    later = torch.zeros_like(v)
    for place in reversed(range(fired.times.shape[2])):
        fires, time = there[:, :, place], fired.times[:, :, place]
        # Behind the last spike both are 0, whatever the time.
        waited = (later - time).where(fires, 0.0).clamp(min=0.0)
        v, current = _faded(solution, v, current, waited)
        above = (fired.currents[:, :, place] - solution.threshold).where(fires, 1.0)
        jumped = (fired.currents[:, :, place] * v + errors[:, :, place]) / above
        v = jumped.where(fires, v)
        found_v[:, :, place], found_current[:, :, place] = v.where(fires, 0.0), current.where(fires, 0.0)
        later = time.where(fires, later)
    return Adjoints(found_v, found_current)


def _at(solution: Solution, fired: Fired, before: Adjoints, times: Tensor) -> tuple[Tensor, Tensor]:
    r"""$\lambda_V$ and $\lambda_I$ of every neuron at every spike that arrived, [B, K, n]; 0 behind the last spike."""
    moment = times.unsqueeze(2)
    following = torch.zeros(*times.shape, fired.times.shape[1], dtype=torch.int64, device=times.device)
    for place in range(fired.times.shape[2]):
        following += fired.times[:, :, place].unsqueeze(1) <= moment

    def next_of(values: Tensor, fill: float) -> Tensor:
        padded = torch.nn.functional.pad(values, (0, 1), value=fill).transpose(1, 2)
        return padded.gather(1, following)

    waited = next_of(fired.times, torch.inf) - moment
    waited = waited.where(waited.isfinite(), 0.0)
    return _faded(solution, next_of(before.v, 0.0), next_of(before.current, 0.0), waited)


def _faded(solution: Solution, v: Tensor, current: Tensor, waited: Tensor) -> tuple[Tensor, Tensor]:
    r"""$\lambda_V$ and $\lambda_I$ of some seconds earlier, without a spike in between."""
    kernels = solution.kernels(waited)
    return v * kernels.mem, current * kernels.syn + v * kernels.both / solution.tau_syn
