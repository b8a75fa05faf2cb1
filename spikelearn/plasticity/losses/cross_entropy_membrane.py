"""Cross-entropy on membrane potentials."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.membrane import MembraneLoss


@LOSSES.register("cross-entropy-membrane")
class CrossEntropyMembrane(MembraneLoss):
    r"""Cross-entropy on the membrane potential, averaged over time, $L = -\frac1T\sum_t\log\mathrm{softmax}(v[t])_y$.

    Shapes: output potential v [T, B, classes] (unit of v_threshold), targets y [B].

    Raises:
        ValueError: a readout of the firing rate, which would predict from what the loss does not look at.

    Source: Eshraghian et al., Proceedings of the IEEE 111, 2023 ("cross-entropy membrane").
    """

    def each(self, v: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(v, targets, reduction="none")
