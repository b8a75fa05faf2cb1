"""The control without which no comparison means anything: hidden blocks stay as they were drawn."""

from spikelearn.network import Network
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.gradient.budgeted import BudgetedGradientRule, Precision
from spikelearn.plasticity.losses import CrossEntropyRate, Loss


@RULES.register("readout-only")
class ReadoutOnly(BudgetedGradientRule):
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

    takes_channels = True
    takes_dynamics = True

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        memory_budget: float | None = None,
        precision: Precision = "float32",
    ) -> None:
        super().__init__(loss, adjoint, memory_budget=memory_budget, precision=precision)

    control = True

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"record"}

    def learned(self, network: Network) -> list[str]:
        """The parameters of the blocks that are read, those of edges into them, and the readout's."""
        own = ["readout."]
        for name in network.outputs:
            own += [f"blocks.{name}.", *(f"feedforward.{edge}." for edge in network.wiring.joining[name])]
            own += [f"feedback.{edge}." for edge in network.wiring.returning[name]]
        return [name for name in super().learned(network) if name.startswith(tuple(own))]
