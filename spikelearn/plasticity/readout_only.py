"""The control without which no comparison means anything: hidden blocks stay as they were drawn."""

from collections.abc import Iterator

import torch

from spikelearn.network import Network
from spikelearn.neurons import Adjoint, ATan, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Rule, Update
from spikelearn.plasticity.gradient import gradient_update, trainable_names
from spikelearn.plasticity.losses import CrossEntropyRate, Loss


@RULES.register("readout-only")
class ReadoutOnly(Rule):
    r"""Surrogate gradient in the last block and the readout alone; every hidden block keeps its initial weights.

    What a rule adds to this figure is what its hidden layers learned; on an easy task a frozen layer goes far.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses the last block's neurons; default ATan with $\alpha$ = 2 (per unit of
            potential).

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a loss that says nothing about the network, nothing trainable in the last block.

    Source: the usual control; Maass, Natschlaeger & Markram, Neural Computation 14, 2002 train a readout alone.
    """

    def __init__(self, loss: Loss = CrossEntropyRate(), adjoint: Adjoint = Surrogate(SpikeFunction(ATan()))) -> None:
        self.loss, self.adjoint = loss, adjoint

    def check(self, network: Network) -> None:
        self.loss.check(network)
        if not self._names(network):
            raise ValueError("the last block has no trainable parameter: readout-only would change nothing")

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        yield gradient_update(network, batch, self.loss, self.adjoint, self._names(network), cut=True)

    @staticmethod
    def _names(network: Network) -> list[str]:
        last = list(network.blocks)[-1]
        own = [f"blocks.{last}.", "readout."]
        own += [f"feedback.{name}." for name, edge in network.feedback.items() if edge.target == last]
        return [name for name in trainable_names(network) if name.startswith(tuple(own))]
