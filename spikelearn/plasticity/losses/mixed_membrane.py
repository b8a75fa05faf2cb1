"""Cross-entropy and squared error on membrane potentials."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_finite, check_fraction
from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.membrane import MembraneLoss


@LOSSES.register("mixed-membrane")
class MixedMembrane(MembraneLoss):
    r"""Cross-entropy and squared error on the membrane potential, averaged over time.

    $$L = \frac1T \sum_t \Big[-(1-\lambda) \log\mathrm{softmax}(v[t])_y
      + \frac{\lambda}{n} \sum_i (v_i[t] - d_i)^2\Big]$$

    Args:
        share: $\lambda$, share of the squared error, in [0, 1].
        wanted: the potential d that the squared error asks of every output, unit of v_threshold; None: one-hot, 1
            of the class y and 0 of all others.

    Shapes: output potential v [T, B, n] (unit of v_threshold), targets y [B].

    Raises:
        ValueError: a readout of the firing rate, which would predict from what the loss does not look at; ``share`` out
            of range.

    Source: Deng, Li, Zhang & Gu, ICLR 2022 (TET), with ``wanted`` 1, which the program of SLTT takes over; one-hot:
    Xiao et al., NeurIPS 2022 (OTTT).
    """

    def __init__(self, share: float = 0.05, wanted: float | None = None) -> None:
        check_fraction("share", share)
        if wanted is not None:
            check_finite("wanted", wanted)
        self.share, self.wanted = share, wanted

    def each(self, v: Tensor, targets: Tensor) -> Tensor:
        wanted = F.one_hot(targets, v.shape[1]).to(v) if self.wanted is None else torch.full_like(v, self.wanted)
        apart = (v - wanted).square().mean(1)
        return (1.0 - self.share) * F.cross_entropy(v, targets, reduction="none") + self.share * apart
