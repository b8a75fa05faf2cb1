"""The output's error, sent to every hidden block through weights of its own."""

from typing import get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_flag, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import BackWeights, BackWeightsKind, direct_weights
from spikelearn.plasticity.base import Memory
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Sent, sent_by


@SIGNALS.register("direct")
class Direct(Broadcast):
    r"""The output's error, sent to every hidden block through weights of its own.

    $$m_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}$$

    $I_{out}$ is the current of the last block: e has crossed the output's neurons, as the trace lets it.

    Args:
        loss: what is descended.
        feedback: "random": D drawn once from $U(-k\sqrt{6/n}, k\sqrt{6/n})$, n neurons in the block; "transpose": the
            product of the weights from there to the output, as they are; "frozen": as they were at the start;
            "sign-symmetric": the sizes of the first, the signs of the second; "sign-uniform": these signs, all of the
            second's mean size.
        scale: k, dimensionless.
        sign: send the sign of the error alone, sign(e[t]) / (T B) for a batch of B samples.

    Shapes: e [T, B, outputs], D [outputs, C, H, W] or [outputs, n].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; weights that are not
            random across a synapse that is not linear.

    Source: Nokland, NeurIPS 2016; D drawn as in the program of Bacho & Chu, Neural Networks 169, 2024.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        feedback: BackWeightsKind = "random",
        scale: float = 1.0,
        sign: bool = False,
    ) -> None:
        super().__init__(loss)
        check_choice("feedback", feedback, get_args(BackWeightsKind))
        check_positive("scale", scale)
        check_flag("sign", sign)
        self.sign, self.back = sign, BackWeights(feedback, scale * 6.0**0.5)

    @property
    def linear(self) -> bool:
        return not self.sign

    @property
    def factors(self) -> Factors:
        known: Factors = frozenset({"targets"})
        sent = known if self.sign and self.loss.sign_by_target else super().factors
        return sent | {"weights"} if self.back.reads_forward_weights else sent

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: D} of all blocks but the last."""
        with network.presentation():
            return self.back.init(direct_weights(self.name, network, self.back.kind), generator)

    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        if self.sign:
            error = error.sign() / sent.batch.inputs.shape[:2].numel()
        reads = self.back.reads_forward_weights
        # Of weights that do not follow the forward ones the places are enough.
        forward = direct_weights(self.name, sent.network, self.back.kind) if reads else sent.spikes
        return sent_by(self.back.now(forward, memory), error, sent.spikes)
