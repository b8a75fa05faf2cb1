"""Fixed-weight difference target propagation: targets go down through random weights that never change."""

from collections.abc import Iterator

import torch

from spikelearn.network import Network
from spikelearn.neurons import Activation, Adjoint, ATan, Surrogate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.targets.difference import DifferenceTargets


@RULES.register("fw-dtp")
class FWDTP(DifferenceTargets):
    r"""Fixed-weight difference target propagation: every block's rates get a target, sent down by fixed random weights.

    With $h_l = \frac1T \sum_t s_l[t]$ what block l sends, mean of the steps (spikes, or a rate neuron's output), and L
    the sum of all samples' losses,

    $$t_L = h_L - \mu \frac{\partial L}{\partial h_L}, \qquad
      t_l = A\big(g_{l+1}(t_{l+1}) + h_l - g_{l+1}(h_{l+1})\big), \qquad g_l(u) = \phi(G_l\,u),$$

    and every block descends its own distance, by derivatives within the block alone, through time too,

    $$\Delta W_l \propto -\frac1B \frac{\partial}{\partial W_l} \sum_b \| h_l - t_l \|^2 .$$

    Where neurons fire, targets are clipped to what a rate can be, [0, 1] spikes per step. $G_l$ is drawn from
    U(-bound, bound) and never changes. With a linear $\phi$ what goes down is the error of feedback alignment without
    the slopes of the neurons it crosses. $\partial h / \partial W$ of neurons that fire crosses them by the adjoint.

    The metric ``agreement_<block>`` is $\mathrm{tr}(W G) / (|W|\,|G|)$: above 0, targets lead down the loss.

    Args:
        loss: what the output's target descends.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        stepsize: $\mu$, unit of rate per unit of the derivative.
        bound: largest weight on the way back, dimensionless.
        feedback: $\phi$; None: that of the rate neurons that it leads to, and ``tanh`` to neurons that fire.
        difference: A; ``standardised`` with such neurons.

    Shapes: inputs [T, B, ...], targets [B]; h and t [B, neurons], G [neurons below, neurons]; gradients shaped like
    their parameters. Convolutional blocks are flattened on the way back.

    Raises:
        ValueError: a graph of blocks, feedback edges, a readout other than the plain rate, a block that sends nothing,
            nothing to learn; a network that begins with a convolution and does not say its input_shape.

    Source: Shibuya, Inoue, Kawakami & Sato, AAAI 2023, and the authors' program. deviation: on spikes, rates as above,
    and Adam by default in place of plain descent; where the program uses batch statistics, activations are
    ``standardised``.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        stepsize: float = 0.04,
        bound: float = 0.1,
        feedback: Activation | None = None,
        difference: Activation = Linear(),
    ) -> None:
        super().__init__(loss, adjoint, stepsize=stepsize, bound=bound, feedback=feedback, difference=difference)

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        yield self.towards_targets(network, self.look(network, batch), memory)
