"""Cross-entropy on firing rates."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, SpikingLoss
from spikelearn.traces import over_steps, step_weights


@LOSSES.register("cross-entropy-rate")
class CrossEntropyRate(SpikingLoss):
    r"""Cross-entropy on the firing rate, $L = -\log\mathrm{softmax}(k\,\bar z)_y$, $\bar z = \frac1T\sum_t z[t]$.

    Args:
        gain: k, logits per unit of rate (spikes per step); dimensionless.

    Shapes: output spikes z [T, B, classes], targets y [B].

    Raises:
        ValueError: ``gain`` not positive; an output that never fires.

    Source: standard; snnTorch's ``ce_count_loss`` is k = T. deviation: k does not depend on T here.
    """

    sign_by_target = True

    def __init__(self, gain: float = 10.0) -> None:
        check_positive("gain", gain)
        self.gain = gain

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        if valid is None:
            rate = output.spikes.mean(0)
        else:
            rate = over_steps(output.spikes, step_weights(valid, dtype=output.spikes.dtype))
        return F.cross_entropy(self.gain * rate.flatten(1), targets)
