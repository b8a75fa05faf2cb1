"""Backpropagation through time with a surrogate gradient."""

from collections.abc import Iterator

import torch

from spikelearn.checks import check_instance
from spikelearn.network import Network
from spikelearn.neurons import Adjoint, ATan, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Rule, Update
from spikelearn.plasticity.gradient import gradient_update, trainable_names
from spikelearn.plasticity.losses import CrossEntropyRate, Loss


@RULES.register("bptt")
class BPTT(Rule):
    r"""Backpropagation through time: the gradient of a loss, with an adjoint in place of the spike's derivative.

    $$\Delta W \propto -\frac{\partial L}{\partial W}, \qquad
      \frac{\partial z}{\partial v} := \psi(v - v_{threshold})$$

    The whole sequence is kept, so memory grows with T. The reset is not differentiated unless the adjoint's spike
    function says so. Every trainable parameter is learned: feedback edges, biases and the readout's too.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a loss that says nothing about the network, a parameter that the loss does not depend on.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019.
    """

    def __init__(self, loss: Loss = CrossEntropyRate(), adjoint: Adjoint = Surrogate(SpikeFunction(ATan()))) -> None:
        check_instance("loss", loss, Loss, "for example loss=MSECount(), or rule_from('bptt', {'loss': 'mse-count'})")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(SpikeFunction(ATan()))")
        self.loss, self.adjoint = loss, adjoint

    def learned(self, network: Network) -> list[str]:
        """Names of the parameters that this rule changes."""
        return trainable_names(network)

    def check(self, network: Network) -> None:
        self.loss.check(network)
        if not self.learned(network):
            raise ValueError(
                f"{RULES.name_of(type(self))} finds no trainable parameter that it would change: set "
                "requires_grad_(True) on what should learn"
            )

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        yield gradient_update(network, batch, self.loss, self.adjoint, self.learned(network))
