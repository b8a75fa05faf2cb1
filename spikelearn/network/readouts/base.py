"""The interface of readouts: class scores from the last block's activity."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from spikelearn.network.records import Activity
from spikelearn.neurons import Neuron
from spikelearn.registry import Registry
from spikelearn.traces import over_steps, step_weights


class Readout(nn.Module, ABC):
    """Maps the last block's record to scores [B, classes]; their argmax is the prediction for every rule.

    Args:
        head: module applied to what was read, [B, n] -> [B, classes], for example ``nn.Linear``; None: nothing.
    """

    #: Whether the last number of a network string is the readout's number of classes, and not a block.
    takes_last_number: ClassVar[bool] = False

    def __init__(self, head: nn.Module | None = None) -> None:
        super().__init__()
        self.head = nn.Identity() if head is None else head

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "Readout":
        """The readout that fits behind a last block.

        Args:
            neuron: of the last block.
            units: number of its neurons.
            classes: number of scores, where ``takes_last_number``; else that of the neurons.

        Raises:
            ValueError: neurons that it cannot read.
        """
        return cls()

    @abstractmethod
    def read(self, output: Activity) -> Tensor:
        """Reduce the output to what the scores are made of, [B, n]."""

    def each(self, output: Activity) -> Tensor:
        """The output at every step, [T, B, ...].

        Raises:
            ValueError: a readout of one's own that does not say it.
        """
        raise ValueError(
            f"{type(self).__name__} says nothing of single steps, which a target for every step, lengths or valid "
            "need: give it the methods each and read_valid, or use RateReadout, MembraneReadout or TraceReadout"
        )

    def read_valid(self, output: Activity, valid: Tensor) -> Tensor:
        """``read`` over the ``valid`` steps [T, B] alone: their mean over time, [B, n]."""
        each = self.each(output)
        return over_steps(each, step_weights(valid, dtype=each.dtype))

    def forward(self, output: Activity, valid: Tensor | None = None) -> Tensor:
        read = self.read(output) if valid is None else self.read_valid(output, valid)
        scores: Tensor = self.head(read.flatten(1))
        return scores


READOUTS = Registry("readout", Readout)
