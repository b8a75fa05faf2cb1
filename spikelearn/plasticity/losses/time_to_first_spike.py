"""Cross-entropy of the times of first spikes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_not_negative, check_positive
from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, TimingLoss


@LOSSES.register("time-to-first-spike")
class TimeToFirstSpike(TimingLoss):
    r"""Cross-entropy of first spikes, the earlier the likelier, with a price on a late label.

    $$L = -\log \frac{e^{-t_y / \tau_0}}{\sum_c e^{-t_c / \tau_0}} + \alpha\, (e^{t_y / \tau_1} - 1)$$

    t are the times of first spikes, y is the label. A silent neuron has no part in the sum. A sample whose label
    neuron is silent counts as 0 and teaches nothing, for no time of its own could change.

    Args:
        tau_0: time by which two spikes must be apart to be told apart, seconds.
        tau_1: time by which a label is late, seconds.
        alpha: price of a late label, dimensionless.

    Shapes: scores -t [B, classes], seconds (minus infinity for never), targets y [B].

    Raises:
        ValueError: a time not positive, a negative ``alpha``; a readout other than of first spikes.

    Source: Wunderlich & Pehle, Scientific Reports 11, 2021, with the constants of the authors' program.
    """

    def __init__(self, tau_0: float = 2e-3, tau_1: float = 10e-3, alpha: float = 0.01) -> None:
        check_positive("tau_0", tau_0, "s")
        check_positive("tau_1", tau_1, "s")
        check_not_negative("alpha", alpha)
        self.tau_0, self.tau_1, self.alpha = tau_0, tau_1, alpha

    def each(self, scores: Tensor, targets: Tensor) -> Tensor:
        """L of every sample, [B]."""
        heard = scores.detach().gather(1, targets.unsqueeze(1)).squeeze(1).isfinite()
        label = scores[heard].gather(1, targets[heard].unsqueeze(1)).squeeze(1)
        apart = F.cross_entropy(scores[heard] / self.tau_0, targets[heard], reduction="none")
        found = torch.zeros_like(scores[:, 0])
        return found.masked_scatter(heard, apart + self.alpha * torch.expm1(-label / self.tau_1))

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        return self.each(scores, targets).mean()
