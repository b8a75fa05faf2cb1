"""Cross-entropy on the readout's scores."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, LogitLoss


@LOSSES.register("cross-entropy")
class CrossEntropy(LogitLoss):
    r"""Cross-entropy on the readout's scores, $L = -\log\mathrm{softmax}(\mathrm{scores})_y$.

    The loss for a readout with weights of its own, ``RateReadout(nn.Linear(...))`` or ``MembraneReadout(...)``, and for
    a last block that sends real values.

    Shapes: scores [B, classes] (dimensionless), targets y [B].

    Raises:
        ValueError: a bare firing-rate readout, whose scores lie in [0, 1].

    Source: standard.
    """

    def error(self, scores: Tensor, targets: Tensor) -> Tensor:
        minus_one = torch.full_like(scores[:, :1], -1.0, requires_grad=False)
        return scores.softmax(1).scatter_add(1, targets.unsqueeze(1), minus_one)

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        return F.cross_entropy(scores, targets)
