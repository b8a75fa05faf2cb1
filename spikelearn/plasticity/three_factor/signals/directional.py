"""The output's error, sent to every hidden block through weights that learn the Jacobian by forward derivatives."""

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_not_negative
from spikelearn.network import Network
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.back_weights import PREFIX, BackWeights, direct_weights
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.engine.tangents import output_tangent
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Broadcast, Sent, feedback_adam, sent_by
from spikelearn.synapses import float_type

Tangents = Literal["presentation", "step"]

#: What stands before a block in the names of what is drawn.
DRAWN = "tangents."


@SIGNALS.register("directional")
class Directional(Broadcast):
    r"""The output's error, sent to every hidden block through weights that learn the Jacobian from there to the output.

    $$m_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta D_l \propto \frac{1}{T B} \sum_b \Big(\sum_t \dot y[t]\Big) \otimes \xi_l - D_l$$

    $\xi_l \sim N(0, 1)$ is drawn for every sample and hidden neuron, and pushes the block's spikes at all steps of the
    presentation; $\dot y$ is the directional derivative of the output's currents $I_{out}$, all blocks pushed at once,
    by one forward-mode derivative of the run. Pushes of other neurons average out, so that

    $$\mathbb{E}\Big[\frac1T \sum_{t'} \dot y[t'] \otimes \xi_l\Big] = \frac1T \sum_t \sum_{t' \ge t} J_l[t', t],
      \qquad J_l[t', t] = \frac{\partial I_{out}[t']}{\partial s_l[t]}$$

    D becomes what a spike of a neuron does to all output currents from then on, mean of its time: with an error that is
    the same at all steps, e D is the mean of the true signal $\sum_{t'} e[t'] J_l[t', t]$. With ``tangents`` = "step"
    a $\xi_l[t]$ is drawn for every step, and D becomes the mean of $J_l[t, t]$, what a spike does within its step. With
    one step, or neurons without memory, both are the mean Jacobian. D begins at 0, and hidden blocks at rest.

    Args:
        loss: what is descended.
        tangents: "presentation" or "step", for how long a push stays the same.
        scale: k, D is drawn as in ``direct``, dimensionless; 0: it begins at 0.
        feedback_lr: learning rate of D under Adam, unit of weight per unit of the step.
        feedback_decay: part of D added to its gradient, unit of gradient per unit of weight.

    Shapes: e, $\dot y$ [T, B, outputs], $\xi_l$ [B, ...] or [B, T, ...], D [outputs, C, H, W] or [outputs, n].

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; a value out of range; an
            adjoint that needs the whole sequence at once.

    Source: Bacho & Chu, Neural Networks 169, 2024 (forward direct feedback alignment), and the authors' program.
    deviation: on spikes, derivatives are those of the adjoint, and time is as above; with batch norm the samples of a
    batch are coupled, there as here.
    """

    whole = True

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        *,
        tangents: Tangents = "presentation",
        scale: float = 0.0,
        feedback_lr: float = 1e-4,
        feedback_decay: float = 0.0,
    ) -> None:
        super().__init__(loss)
        check_choice("tangents", tangents, get_args(Tangents))
        check_not_negative("scale", scale)
        self.tangents, self.back = tangents, BackWeights("random", scale * 6.0**0.5)
        self.own_optimizer = feedback_adam(feedback_lr, feedback_decay)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``back_weights.<block>``: D} of all blocks but the last."""
        return self.back.init(direct_weights(self.name, network, "random"), generator)

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``tangents.<block>``: xi [B, ...], or [B, T, ...]} of all blocks but the last."""
        steps = (len(batch.inputs),) if self.tangents == "step" else ()
        shapes = network.shapes(batch.inputs[0, :1])
        kind, device = float_type(network), batch.inputs.device
        return {
            DRAWN + name: torch.randn(
                batch.size, *steps, *shape, generator=generator, dtype=kind, device=generator.device
            ).to(device)
            for name, shape in shapes.items()
            if name not in network.outputs
        }

    def send(self, error: Tensor, sent: Sent, memory: Memory) -> dict[str, Tensor]:
        return sent_by(self.back.now(sent.spikes, memory), error, sent.spikes)

    def own_changes(
        self, network: Network, batch: Batch, memory: Memory, adjoint: Adjoint, grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        drawn = {name.removeprefix(DRAWN): xi for name, xi in batch.draws.items() if name.startswith(DRAWN)}
        steps, each = len(batch.inputs), self.tangents == "step"
        pushed = {name: xi.transpose(0, 1) if each else xi.expand(steps, *xi.shape) for name, xi in drawn.items()}
        moved = output_tangent(network, batch, adjoint, pushed)
        # A push that lasts meets what it has done at all steps together.
        met = moved.transpose(0, 1).flatten(0, 1) if each else moved.sum(0)
        changes = {}
        for name, xi in drawn.items():
            own = memory[PREFIX + name]
            rows = xi.flatten(0, 1) if each else xi
            changes[PREFIX + name] = own - (met.t() @ rows.flatten(1)).view_as(own) / (steps * batch.size)
        return changes
