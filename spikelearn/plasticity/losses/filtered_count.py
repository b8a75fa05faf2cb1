"""A one-sided error of filtered spike counts."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.filtered import FilteredLoss


@LOSSES.register("filtered-count")
class FilteredCount(FilteredLoss):
    r"""One-sided squared count of filtered spikes, $L = \frac{T}{2}\sum_c \delta_c^2$, mean over the batch.

    $\delta_c = (n_c - n^*_c)/T$ with $n_c = \sum_t a_c[t]$, but 0 where the true class has its desired count or more,
    and where another class has its count or less; a is the output behind the synaptic filter.

    Args:
        correct_count, incorrect_count: desired number of spikes of the true and of the other classes in the whole
            presentation; the first must be larger.
        tau_syn: time constant of the filter, seconds; must be that of the neurons.
        dt: time step, seconds.

    Shapes: output spikes z [T, B, classes], targets [B].

    Raises:
        ValueError: a time not positive; counts in the wrong order; a readout that is no TraceReadout, or another time
            constant there or in the neurons.

    Source: Zhang & Li, NeurIPS 2020, and the authors' program. deviation: mean over the batch, where theirs is the sum.
    """

    def __init__(
        self, correct_count: float = 15.0, incorrect_count: float = 3.0, tau_syn: float = 4e-3, *, dt: float = 1e-3
    ) -> None:
        self._set_filter(tau_syn, dt)
        check_finite("correct_count", correct_count)
        check_finite("incorrect_count", incorrect_count)
        if not 0 <= incorrect_count < correct_count:
            raise ValueError(
                f"correct_count is {correct_count} and incorrect_count {incorrect_count}, expected "
                "0 <= incorrect_count < correct_count"
            )
        self.correct_count, self.incorrect_count = correct_count, incorrect_count

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        filtered = self.filtered(output.spikes)
        steps = len(filtered)
        if self.correct_count > steps:
            raise ValueError(
                f"correct_count is {self.correct_count:g}, which no neuron reaches in T = {steps} steps: run longer "
                "(--steps), or ask for less"
            )
        counts = filtered.sum(0)
        true = F.one_hot(targets, counts.shape[1]).bool()
        missing = (self.correct_count - counts).clamp(min=0.0)
        surplus = (counts - self.incorrect_count).clamp(min=0.0)
        delta = torch.where(true, missing, surplus) / steps
        return 0.5 * steps * delta.square().sum() / len(targets)
