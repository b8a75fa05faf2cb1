"""Cross-entropy at every step."""

import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Network, RateReadout, StepReadout
from spikelearn.plasticity.losses.base import LOSSES
from spikelearn.plasticity.losses.steps import StepLoss


@LOSSES.register("cross-entropy-steps")
class CrossEntropySteps(StepLoss):
    r"""Cross-entropy at every step, $l[t] = -\log\mathrm{softmax}(s[t])_{y[t]}$, mean over a sample's valid steps.

    Args:
        last: whether the last valid step of each sample alone counts.

    Shapes: scores s [T, B, classes] (dimensionless), targets y [T, B].

    Raises:
        ValueError: a readout that gives one row of scores a sample, or bare spikes, 0 or 1; targets that are no class
            numbers for every step.

    Source: standard.
    """

    def __init__(self, last: bool = False) -> None:
        self._set_last(last)

    def each(self, scores: Tensor, targets: Tensor) -> Tensor:
        # Outside the valid steps there may stand any number.
        losses = F.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view(scores.shape[:2])

    def check(self, network: Network) -> None:
        super().check(network)
        assert isinstance(network.readout, StepReadout)
        inside = network.readout.readout
        if isinstance(inside, RateReadout) and isinstance(inside.head, nn.Identity):
            raise ValueError(
                "loss 'cross-entropy-steps' takes the readout's scores as logits, but those of a step are bare spikes, "
                "0 or 1: read potentials, StepReadout(MembraneReadout()) (--readout membrane), or end in a layer with "
                "weights, StepReadout(RateReadout(nn.Linear(...))) (--readout linear)"
            )
