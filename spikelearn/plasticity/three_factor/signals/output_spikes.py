"""The error of the output's spikes, sent to every hidden block at once."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import BackWeights, direct_weights
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import Loss, SpikeTrains, SpikingLoss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Sent, sent_by

SpikeFeedback = Literal["symmetric", "random", "uniform"]


@SIGNALS.register("output-spikes")
class OutputSpikes(Broadcast):
    r"""The error of the output's spikes, sent to every hidden block through weights B.

    $$m_l[t] = B_l^\top\, e[t], \qquad e[t] = \frac{\partial L}{\partial z_{out}[t]}$$

    Unlike that of ``direct`` the error has not crossed the output's neurons: of spike trains behind a filter it is
    their filtered difference, filtered once more backwards in time.

    Args:
        loss: what is descended, of what the output sends.
        feedback: B: "symmetric": the weights from there to the output, of several layers their product; "random": drawn
            once from $U(-k\sqrt{6/n}, k\sqrt{6/n})$, n neurons in the block; "uniform": k everywhere.
        scale: k, dimensionless.

    Shapes: e [T, B, outputs], B [outputs, ...]; m shaped like a block's spikes.

    Raises:
        ValueError: a loss that is not one of what is sent; symmetric weights across a synapse that is not linear; a
            network that begins with a convolution and does not say its input_shape.

    Source: Zenke & Ganguli, Neural Computation 30, 2018 (SuperSpike).
    """

    whole = True

    def __init__(
        self, loss: Loss = SpikeTrains(), *, feedback: SpikeFeedback = "symmetric", scale: float = 1.0
    ) -> None:
        super().__init__(loss)
        check_instance("loss", loss, SpikingLoss, "one of what the output sends, for example SpikeTrains()")
        check_choice("feedback", feedback, get_args(SpikeFeedback))
        check_positive("scale", scale)
        self.feedback, self.scale = feedback, scale
        self.back = BackWeights("transpose" if feedback == "symmetric" else "random", scale * 6.0**0.5)

    @property
    def factors(self) -> Factors:
        return super().factors | {"weights"} if self.feedback == "symmetric" else super().factors

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: B} of all blocks but those that are read, where they are drawn."""
        with network.presentation():
            weights = direct_weights(self.name, network, self.back.kind)
        return self.back.init(weights, generator) if self.feedback == "random" else {}

    def error_at(self, sent: Sent) -> Sequence[Tensor]:
        return sent.read

    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        weights = direct_weights(self.name, sent.network, self.back.kind)
        if self.feedback == "uniform":
            weights = {name: torch.full_like(weight, self.scale) for name, weight in weights.items()}
        else:
            weights = self.back.now(weights, memory)
        return sent_by(weights, error, sent.spikes)
