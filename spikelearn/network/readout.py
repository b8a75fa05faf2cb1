"""From the last block's activity to class scores."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from spikelearn.network.records import Activity


class Readout(nn.Module, ABC):
    """Maps the last block's record to scores [B, classes]; their argmax is the prediction for every rule.

    Args:
        head: module applied to what was read, [B, n] -> [B, classes], for example ``nn.Linear``; None: nothing.
    """

    def __init__(self, head: nn.Module | None = None) -> None:
        super().__init__()
        self.head = nn.Identity() if head is None else head

    @abstractmethod
    def read(self, output: Activity) -> Tensor:
        """What is read, [B, n]."""

    def forward(self, output: Activity) -> Tensor:
        scores: Tensor = self.head(self.read(output).flatten(1))
        return scores


class RateReadout(Readout):
    """Mean number of spikes per step of each output neuron; [T, B, n] -> [B, n]."""

    def read(self, output: Activity) -> Tensor:
        return output.spikes.mean(0)


class MembraneReadout(Readout):
    """Mean membrane potential of each output neuron over time; [T, B, n] -> [B, n]."""

    def read(self, output: Activity) -> Tensor:
        return output.v.mean(0)
