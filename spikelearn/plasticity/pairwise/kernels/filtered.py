"""The cosine between two samples' filtered spike trains."""

from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.plasticity.pairwise.kernels.base import KERNELS
from spikelearn.plasticity.pairwise.kernels.cosine import Cosine
from spikelearn.traces import trace


@KERNELS.register("filtered")
class Filtered(Cosine):
    r"""Cosine between filtered spike trains: the traces $x[t] = \lambda\,x[t-1] + z[t]$ at all steps side by side.

    Two samples are alike where the same neurons fire at the same time: with $\lambda = 0$ in the same step; the larger
    $\lambda$, the less spikes' times count. Otherwise as ``cosine``.

    Args:
        decay: $\lambda$ per step, in [0, 1].

    Shapes: z [T, B, ...] -> K [B, B], dimensionless.

    Raises:
        ValueError: a decay outside [0, 1].

    Source: van Rossum, Neural Computation 13, 2001, the filter; its angle in place of its distance.
    """

    def __init__(self, decay: float = 0.9) -> None:
        check_fraction("decay", decay)
        self.decay = decay

    def features(self, sent: Tensor) -> Tensor:
        return trace(sent, self.decay).transpose(0, 1).flatten(1)
