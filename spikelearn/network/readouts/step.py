"""Scores of every step."""

from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.readouts.membrane import MembraneReadout
from spikelearn.network.records import Activity
from spikelearn.neurons import Neuron


@READOUTS.register("step")
class StepReadout(Readout):
    """A row of scores for every step, for tasks with a target for every step.

    Args:
        readout: what is read at a step, through its head: spikes (per step), potentials (unit of v_threshold) or
            filtered spikes. In a run by name, potentials.

    Shapes: output [T, B, n] -> [T, B, n], and behind a head [T, B, classes].

    Raises:
        ValueError: no readout.

    Source: standard.
    """

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        check_instance("readout", readout, Readout, "for example StepReadout(MembraneReadout())")
        self.readout = readout

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "StepReadout":
        return cls(MembraneReadout())

    def read(self, output: Activity) -> Tensor:
        return self.each(output)[-1]

    def each(self, output: Activity) -> Tensor:
        read = self.readout.each(output).flatten(2)
        scores: Tensor = self.readout.head(read.flatten(0, 1))
        return scores.unflatten(0, read.shape[:2])

    def forward(self, output: Activity, valid: Tensor | None = None) -> Tensor:
        """Scores of every step, valid or not: the loss and the measure leave steps out."""
        return self.each(output)
