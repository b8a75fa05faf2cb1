"""How much the output answers, whatever the class."""

from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.records import Activity
from spikelearn.neurons import Neuron


@READOUTS.register("activation")
class ActivationReadout(Readout):
    r"""Activation of the output, $A = \sum_t |y[t]|^2$, as the score of every class alike.

    A network that is shown an image without a label tells no class by it: a rule that asks for one label after the
    other, such as activation-learning, compares the activations. In a network string the last number is the number of
    classes, and no block.

    Args:
        units: number of neurons that are read.
        classes: number of classes.

    Shapes: output y [T, B, units], dimensionless -> scores [B, classes].

    Raises:
        ValueError: no class.

    Source: Zhou, arXiv 2209.13400, 2022.
    """

    takes_last_number = True

    def __init__(self, units: int, classes: int) -> None:
        super().__init__()
        check_count("units", units)
        check_count("classes", classes)
        self.units, self.classes = units, classes

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "ActivationReadout":
        return cls(units, classes)

    def read(self, output: Activity) -> Tensor:
        return self.each(output).sum(0)

    def each(self, output: Activity) -> Tensor:
        return output.spikes.flatten(2).square().sum(2, keepdim=True)

    def forward(self, output: Activity, valid: Tensor | None = None) -> Tensor:
        read = self.read(output) if valid is None else self.read_valid(output, valid)
        return read.expand(-1, self.classes)
