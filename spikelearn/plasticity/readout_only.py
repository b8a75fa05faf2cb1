"""The control without which no comparison means anything: hidden blocks stay as they were drawn."""

from spikelearn.network import Network
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.bptt import BPTT


@RULES.register("readout-only")
class ReadoutOnly(BPTT):
    r"""Surrogate gradient in the last block and the readout alone; every hidden block keeps its initial weights.

    It is BPTT's gradient with the parameters of every block before the last left out. What a rule adds to this figure
    is what its hidden layers learned; on an easy task a frozen layer goes far.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses the last block's neurons; default ATan with $\alpha$ = 2 (per unit of
            potential).
        memory_budget: as in ``bptt``, MiB; None: no bound. Only the last block's graph is kept in any case.
        precision: as in ``bptt``.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a loss that says nothing about the network, nothing trainable in the last block.

    Source: the usual control; Maass, Natschlaeger & Markram, Neural Computation 14, 2002 train a readout alone.
    """

    def learned(self, network: Network) -> list[str]:
        """The last block's parameters, those of feedback into it, and the readout's."""
        last = list(network.blocks)[-1]
        own = [f"blocks.{last}.", "readout."]
        own += [f"feedback.{name}." for name, edge in network.feedback.items() if edge.target == last]
        return [name for name in super().learned(network) if name.startswith(tuple(own))]
