"""The output's error, sent to every hidden block through weights that learn as forward ones would."""

import torch
from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import PREFIX, BackWeights, direct_weights
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Sent, feedback_adam, sent_by


@SIGNALS.register("direct-kolen-pollack")
class DirectKolenPollack(Broadcast):
    r"""The output's error, sent to every hidden block through weights that learn as forward ones there would.

    $$m_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta D_l \propto -\sum_t e[t] \otimes s_l[t] - \lambda D_l$$

    D changes as the weights of a synapse from the block to the output would; of the last hidden block it gets the
    gradient of the output's own weights, so that with a decay $\lambda$ of both the two become alike. D is drawn as in
    ``direct``.

    Args:
        loss: what is descended.
        scale: k, factor on D as it is drawn, dimensionless.
        feedback_lr: learning rate of D under Adam, unit of weight per unit of the step.
        feedback_decay: $\lambda$, part of D added to its gradient, unit of gradient per unit of weight.

    Shapes: e [T, B, outputs], s_l [T, B, ...], D [outputs, C, H, W] or [outputs, n].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a value out of range.

    Source: Webster, Choi & Ahn, "Learning the connections in direct feedback alignment", OpenReview, 2021; optimizer
    and decay as in the program of Bacho & Chu, Neural Networks 169, 2024.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        scale: float = 1.0,
        feedback_lr: float = 1e-4,
        feedback_decay: float = 1e-6,
    ) -> None:
        super().__init__(loss)
        check_positive("scale", scale)
        self.back = BackWeights("random", scale * 6.0**0.5)
        self.own_optimizer = feedback_adam(feedback_lr, feedback_decay)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: D} of all blocks but the last."""
        return self.back.init(direct_weights(self.name, network, "random"), generator)

    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        return sent_by(self.back.now(sent.spikes, memory), error, sent.spikes)

    def follow(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        rows = error.flatten(2).flatten(0, 1).t()
        changes = {}
        for name in sent.spikes:
            key = PREFIX + name
            changes[key] = (rows @ sent.heard[name].flatten(0, 1).flatten(1)).view_as(memory[key])
        return changes
