"""Mean squared error of the readout's scores."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, Loss


@LOSSES.register("mse")
class MSE(Loss):
    r"""Mean squared error of the readout's scores, $L = \frac1n\sum_i (s_i - y_i)^2$, mean over the batch.

    The scores of ``RateReadout`` are firing rates, spikes per step in [0, 1]; those of ``MembraneReadout`` or of a
    readout with weights of its own have no bounds.

    Shapes: scores s [B, n], targets y [B, n] (the unit of the targets).

    Raises:
        ValueError: targets that are no real numbers [B, n].

    Source: standard.
    """

    tasks = frozenset({"regress", "autoencode"})

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        return F.mse_loss(scores, targets)
