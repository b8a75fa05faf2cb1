"""Mean squared error of spike counts."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, SpikingLoss
from spikelearn.traces import over_steps


@LOSSES.register("mse-count")
class MSECount(SpikingLoss):
    r"""Mean squared spike count, $L = \frac{1}{C\,T}\sum_c (n_c - n^*_c)^2$, mean over the batch.

    $n_c = \sum_t z_c[t]$; $n^*_c$ = T x ``correct_rate`` for the true class, T x ``incorrect_rate`` for the others.

    Args:
        correct_rate, incorrect_rate: desired spikes per step, in [0, 1].

    Shapes: output spikes z [T, B, classes = C], targets [B].

    Raises:
        ValueError: a rate outside [0, 1]; an output that never fires.

    Source: Eshraghian et al., Proceedings of the IEEE 111, 2023; snnTorch's ``mse_count_loss``.
    """

    def __init__(self, correct_rate: float = 0.8, incorrect_rate: float = 0.1) -> None:
        check_fraction("correct_rate", correct_rate)
        check_fraction("incorrect_rate", incorrect_rate)
        self.correct_rate, self.incorrect_rate = correct_rate, incorrect_rate

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        if valid is not None:
            return self._over(output.spikes, targets, valid)
        steps = output.spikes.shape[0]
        counts = output.spikes.sum(0).flatten(1)
        desired = torch.full_like(counts, self.incorrect_rate * steps, requires_grad=False)
        desired.scatter_(1, targets.unsqueeze(1), self.correct_rate * steps)
        return F.mse_loss(counts, desired) / steps

    def _over(self, spikes: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """The same of the valid steps, as many as each sample has."""
        counts = over_steps(spikes, valid.to(spikes.dtype)).flatten(1)
        steps = valid.sum(0).to(counts.dtype).unsqueeze(1)
        rates = torch.full_like(counts, self.incorrect_rate, requires_grad=False)
        rates.scatter_(1, targets.unsqueeze(1), self.correct_rate)
        return ((counts - rates * steps).square() / steps).mean()
