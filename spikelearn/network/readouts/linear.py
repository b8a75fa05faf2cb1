"""Scores by a linear layer on firing rates."""

from torch import nn

from spikelearn.network.readouts.base import READOUTS
from spikelearn.network.readouts.rate import RateReadout
from spikelearn.neurons import MembraneNeuron, Neuron
from spikelearn.neurons.parts.constants import one_number


@READOUTS.register("linear")
class LinearReadout(RateReadout):
    r"""A linear layer on the firing rates a of the last block, $W a + b$.

    In a network string the last number is the size of this layer, and no block. The rates are weighted by the decay of
    the last block's neurons where these reset by subtraction.

    Args:
        units: number of neurons that are read.
        classes: number of scores.
        decay: $\lambda$ per step of the rates' weights, in [0, 1]; 1: the plain mean.

    Shapes: output spikes z [T, B, units] (also as images) -> scores [B, classes].

    Raises:
        ValueError: a decay outside [0, 1].

    Source: Xiao et al., NeurIPS 2021.
    """

    takes_last_number = True

    def __init__(self, units: int, classes: int, *, decay: float = 1.0) -> None:
        super().__init__(nn.Linear(units, classes), decay=decay)

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "LinearReadout":
        weighs = isinstance(neuron, MembraneNeuron) and neuron.reset == "subtract"
        decay = one_number(neuron, "decay_mem", "the readout 'linear'") if weighs else 1.0
        return cls(units, classes, decay=decay)
