"""The target, sent to every hidden block through fixed random weights: no error is needed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import PREFIX, BackWeights, direct_weights
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Local, Taught
from spikelearn.tasks import check_targets


@SIGNALS.register("random-target")
class RandomTarget(Local):
    r"""The one-hot target y, sent to every hidden block through fixed random weights of its own.

    $$m_l[t] = \frac{1}{T B}\, y\, D_l$$

    It knows nothing of the output, so a hidden block may learn before the next one is computed. D is drawn as in
    ``direct``; its sign does not matter.

    Args:
        loss: what the last block and the readout descend.
        scale: factor on D, dimensionless.

    Shapes: y [B, outputs], D [outputs, C, H, W] or [outputs, n].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a task without classes.

    Source: Frenkel, Lefebvre & Bol, Frontiers in Neuroscience 15, 2021 (DRTP). deviation: divided by the batch B and
    the steps T, as the mean loss is; the authors' program sums over the batch.
    """

    def __init__(self, loss: Loss = CrossEntropyRate(), *, scale: float = 1.0) -> None:
        super().__init__(loss)
        check_positive("scale", scale)
        self.back = BackWeights("random", scale * 6.0**0.5)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: D} of all blocks but the last."""
        return self.back.init(direct_weights(self.name, network, "random"), generator)

    def teach(
        self, name: str, spikes: Tensor, potentials: Tensor, batch: Batch, shares: Tensor, memory: Memory
    ) -> Taught:
        if batch.task.name != "classify":
            raise ValueError(f"{self.name} sends the class of a sample, but the task is {batch.task!s}: use direct")
        weights = memory[PREFIX + name]
        check_targets(batch.targets, len(weights))
        target = F.one_hot(batch.targets, len(weights)).to(weights)
        signal = torch.tensordot(target, weights, 1) / batch.size
        return Taught(shares.view(*shares.shape, *(1 for _ in signal.shape[1:])) * signal)
