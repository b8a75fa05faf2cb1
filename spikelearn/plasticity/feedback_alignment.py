"""Feedback alignment: backpropagation through time with fixed random weights on the way back."""

from collections.abc import Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_positive
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.bptt import BPTT
from spikelearn.plasticity.feedback_weights import crossed_weights, sent_back_through, uniform
from spikelearn.plasticity.losses import CrossEntropyRate, Loss

FeedbackKind = Literal["random", "sign-symmetric"]


@RULES.register("fa")
class FA(BPTT):
    r"""Feedback alignment: an error goes down block by block through fixed random weights in place of the transposes.

    $$\delta_l[t] = B_{l+1}^\top\, e_{l+1}[t], \qquad e_{l+1}[t] = \frac{\partial}{\partial I_{l+1}[t]}
      \sum_{t'} \delta_{l+1}[t']\, s_{l+1}[t'], \qquad
      \Delta W_l \propto -\sum_t e_l[t] \otimes s_{l-1}[t]$$

    $s_l$ are spikes, $I_l$ currents; $e_l$ crosses block l's neurons, through time too, by the adjoint. The output's
    $e_L$ is the derivative of the loss, through the readout. $B_l$ has the shape of $W_l$, and the synapse its form:
    a convolution is crossed as the transposed convolution with $B_l$, pooling, batch norm, masks and delays as they
    are. With $B_l = W_l$ it is ``bptt``. Feedback edges are crossed alike, by weights of their own. What is computed is
    ``bptt``'s backward pass in which B is read wherever W stands transposed.

    B is drawn once, from $U(-k/\sqrt n, k/\sqrt n)$ with n the fan-in of W and k = ``scale``, and never learned.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        feedback: "random", or "sign-symmetric": sign(W) |B|, the sign of the weights as they are, sizes as drawn.
        scale: k, factor on the feedback weights, dimensionless; 1: as torch draws weights.
        memory_budget: as in ``bptt``, MiB; None: no bound.

    Shapes: inputs [T, B, ...], targets [B]; gradients and feedback weights shaped like their parameters.

    Raises:
        ValueError: weights in a module other than a plain Linear or Conv; automatic mixed precision; as ``bptt``.

    Source: Lillicrap, Cownden, Tweed & Akerman, Nature Communications 7, 2016; signs: Liao, Leibo & Poggio, AAAI
    2016; the spiking form, by a learning signal at each step: Bellec et al., Nature Communications 11, 2020.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(SpikeFunction(ATan())),
        *,
        feedback: FeedbackKind = "random",
        scale: float = 1.0,
        memory_budget: float | None = None,
    ) -> None:
        super().__init__(loss, adjoint, memory_budget=memory_budget)
        check_choice("feedback", feedback, get_args(FeedbackKind))
        check_positive("scale", scale)
        self.feedback, self.scale = feedback, scale

    def check(self, network: Network) -> None:
        super().check(network)
        with network.presentation():
            crossed_weights("fa", network)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``feedback.<layer>``: B}, shaped like the layer's weight."""
        self.check(network)
        with network.presentation():
            weights = crossed_weights("fa", network)
        return {f"feedback.{path}": uniform(w.shape, self.scale, generator, w) for path, w in weights.items()}

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        if torch.is_autocast_enabled(batch.inputs.device.type):
            raise ValueError("fa is run under autocast, which replaces the weights by shorter copies: leave it out")
        # Entered here too, so that reparametrised weights are known before the run.
        with learning_only(network, self.learned(network)), network.presentation():
            with sent_back_through(self._pairs(network, memory)):
                update = self._update(network, batch)
        yield update

    def _pairs(self, network: Network, memory: Memory) -> Iterator[tuple[Tensor, Tensor]]:
        for path, weight in crossed_weights("fa", network).items():
            drawn = memory[f"feedback.{path}"]
            yield weight, drawn if self.feedback == "random" else drawn.abs() * weight.detach().sign()
