"""Binary cross-entropy of every score."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, LogitLoss


@LOSSES.register("binary-cross-entropy")
class BinaryCrossEntropy(LogitLoss):
    r"""Binary cross-entropy of every score's sigmoid against the one-hot target.

    $$L = -\frac1C\sum_c y_c \log\sigma(s_c) + (1 - y_c) \log(1 - \sigma(s_c))$$

    Every class is a question of its own, as in a network whose outputs are sigmoids.

    Shapes: scores s [B, classes = C] (dimensionless), targets [B], y their one-hot code; mean over the batch.

    Raises:
        ValueError: a bare firing-rate readout, whose scores lie in [0, 1].

    Source: standard; the default loss of the program of Frenkel, Lefebvre & Bol, Frontiers in Neuroscience 15, 2021.
    """

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores, F.one_hot(targets, scores.shape[1]).to(scores))
