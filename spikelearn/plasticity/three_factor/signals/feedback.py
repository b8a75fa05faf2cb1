"""The output's error, sent down block by block through weights of its own."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import get_args

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from spikelearn.checks import check_choice, check_positive
from spikelearn.network import Network
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.back_weights import (
    PREFIX,
    BackWeights,
    LayeredKind,
    crossed_weights,
    refuse_autocast,
    sent_back_through,
)
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Layered


@SIGNALS.register("feedback")
class LayeredFeedback(Layered):
    r"""The output's error, sent down block by block through weights B in place of the forward ones.

    $$m_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad e_l = \text{$m_l$ across the neurons of block l}$$

    $B_l$ has the shape of $W_l$, and the synapse its form: a convolution is crossed as the transposed convolution with
    $B_l$, pooling, batch norm, masks and delays as they are. What is computed is the derivative of the run, in which B
    is read wherever W stands transposed. Feedback edges are crossed alike, by weights of their own.

    Args:
        loss: what is descended.
        kind: "random": B drawn once from $U(-k/\sqrt n, k/\sqrt n)$, n the fan-in of W; "sign-symmetric": these sizes
            with the signs of W as they are; "sign-uniform": these signs, all of the layer's mean |W|; "transpose":
            B = W; "frozen": W as it was at the start; "kolen-pollack": drawn, and learned by the changes of W itself,
            $\Delta B_l = \Delta W_l$ but for the decay of each. The decay $\lambda$ of the optimizer that steps both
            takes their difference away, $W - B \leftarrow (1 - \mathrm{lr}\,\lambda)(W - B)$.
        scale: k, dimensionless.

    Shapes: m shaped like a block's spikes, [T, B, ...]; B like W.

    Raises:
        ValueError: B other than W for weights in a module that is no plain Linear or Conv, or under autocast; learned B
            for reparametrised weights, whose parameters change otherwise.

    Source: Lillicrap, Cownden, Tweed & Akerman, Nature Communications 7, 2016; signs: Liao, Leibo & Poggio, AAAI 2016;
    weights of the start: Boopathy & Fiete, ICML 2022; learned ones: Kolen & Pollack, ICNN 1994, and Akrout, Wilson,
    Humphreys, Lillicrap & Tweed, NeurIPS 2019.
    """

    def __init__(self, loss: Loss = CrossEntropyRate(), *, kind: LayeredKind = "random", scale: float = 1.0) -> None:
        super().__init__(loss)
        check_choice("kind", kind, get_args(LayeredKind))
        check_positive("scale", scale)
        self.back = BackWeights(kind, scale)
        self.own_as_network = kind == "kolen-pollack"
        if self.own_as_network:
            self.unclipped = (
                "gives weights of its own the changes of the network's as they are, so that both become alike"
            )

    @property
    def factors(self) -> Factors:
        return super().factors | {"weights"} if self.back.reads_forward_weights else super().factors

    @property
    def requires(self) -> tuple[Need, ...]:
        if self.back.kind == "transpose":
            return super().requires
        crossed = Passes("errors that cross plain Linear and Conv layers", check_crossed)
        plain = (Passes("weights that are no function of others", check_plain),) if self.own_as_network else ()
        return *super().requires, crossed, *plain

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<layer>``: B}, shaped like the layer's weight; {} where B = W."""
        if self.back.kind == "transpose":
            return {}
        with network.presentation():
            return self.back.init(crossed_weights(self.name, network), generator)

    def crossing(self, network: Network, inputs: Tensor, memory: Memory) -> AbstractContextManager[None]:
        if self.back.kind == "transpose":
            return nullcontext()
        refuse_autocast(self.name, inputs)
        forward = crossed_weights(self.name, network)
        return sent_back_through(zip(forward.values(), self.back.now(forward, memory).values(), strict=True))

    def own_changes(
        self, network: Network, batch: Batch, memory: Memory, adjoint: Adjoint, grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        if not self.own_as_network:
            return {}
        weights = {name: f"{name.removeprefix(PREFIX)}.weight" for name in memory}
        # Weights that are frozen do not change, and so neither do those that stand for them.
        return {name: grads[weight].view_as(memory[name]) for name, weight in weights.items() if weight in grads}


def check_plain(network: Network, rule: str) -> None:
    """Raise ValueError where a layer's weights are a function of others."""
    for place, layer in network.named_modules():
        if parametrize.is_parametrized(layer):
            raise ValueError(
                f"{rule} gives the weights on the way back the changes of the forward ones, but those of {place} are "
                "reparametrised, so that others change: use plain weights, or another kind of feedback"
            )


def check_crossed(network: Network, rule: str) -> None:
    """Raise ValueError where an error cannot be sent back through weights of its own."""
    with network.presentation():
        crossed_weights(rule, network)
