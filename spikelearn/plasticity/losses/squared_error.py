"""Half the squared distance between scores and targets."""

import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Activity
from spikelearn.plasticity.losses.base import LOSSES, Loss


@LOSSES.register("squared-error")
class SquaredError(Loss):
    r"""Half the squared distance of the readout's scores and the targets, $L = \frac12 |s - y|^2$, mean over the batch.

    The sum over the outputs, not their mean as in ``mse``: the term that energies of predictive coding and equilibrium
    propagation have for an output that is drawn to y. Of a class y is 1 at its place and 0 elsewhere.

    Shapes: scores s [B, n], targets [B] of classes or [B, n] of real numbers (the unit of the targets).

    Raises:
        ValueError: targets that do not fit the scores.

    Source: Scellier & Bengio, Frontiers in Computational Neuroscience 11, 2017, eq. 3.
    """

    tasks = frozenset({"classify", "regress", "autoencode"})

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        wanted = targets if targets.is_floating_point() else F.one_hot(targets, scores.shape[1]).to(scores.dtype)
        return 0.5 * (scores - wanted).square().sum() / len(scores)
