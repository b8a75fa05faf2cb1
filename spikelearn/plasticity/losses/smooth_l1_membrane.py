"""Smooth absolute error on membrane potentials."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.membrane import MembraneLoss


@LOSSES.register("smooth-l1-membrane")
class SmoothL1Membrane(MembraneLoss):
    r"""Smooth absolute error between membrane potential and one-hot target, averaged over time.

    $$L = \frac1T \sum_t \frac1n \sum_i h(v_i[t] - d_i), \qquad
      h(x) = \begin{cases} x^2/(2\beta) & |x| < \beta \\ |x| - \beta/2 & \text{else} \end{cases}$$

    d is 1 of the class y and 0 of all others.

    Args:
        beta: $\beta$, where the parabola becomes a line, unit of v_threshold.

    Shapes: output potential v [T, B, n] (unit of v_threshold), targets y [B].

    Raises:
        ValueError: a readout of the firing rate, which would predict from what the loss does not look at; ``beta`` not
            positive.

    Source: Kaiser, Mostafa & Neftci, Frontiers in Neuroscience 14, 2020 (DECOLLE), with $\beta$ 1; Huber, Annals of
    Mathematical Statistics 35, 1964.
    """

    def __init__(self, beta: float = 1.0) -> None:
        check_positive("beta", beta)
        self.beta = beta

    def each(self, v: Tensor, targets: Tensor) -> Tensor:
        wanted = F.one_hot(targets, v.shape[1]).to(v)
        return F.smooth_l1_loss(v, wanted, reduction="none", beta=self.beta).mean(1)
