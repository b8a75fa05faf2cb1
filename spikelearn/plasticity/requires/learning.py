"""Needs that concern what is learned, and what is read from a network."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from torch import nn

from spikelearn.network import FittedReadout, MembraneReadout, Network, RateReadout
from spikelearn.plasticity.losses.base import Loss
from spikelearn.plasticity.requires.base import Need, Values
from spikelearn.synapses import trainable


@dataclass(frozen=True)
class PlainRate(Need):
    """Predictions by the number of the output's spikes alone; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        readout = network.readout
        if type(readout) is not RateReadout or not isinstance(readout.head, nn.Identity) or readout.decay != 1.0:
            raise ValueError(
                f"{rule} {self.why}, but the readout is {' '.join(repr(readout).split())}: use a plain RateReadout() "
                "(--readout rate)"
            )

    def __str__(self) -> str:
        return "a plain readout of the rate"


@dataclass(frozen=True)
class SpikeReadout(Need):
    """Predictions by the output's spikes, without weights of their own; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        if isinstance(network.readout, MembraneReadout):
            raise ValueError(
                f"{rule} {self.why}, but the readout predicts from potentials: use RateReadout (--readout rate)"
            )
        learned = [name for name, parameter in network.readout.named_parameters() if parameter.requires_grad]
        if learned:
            raise ValueError(
                f"{rule} would never change the readout's {learned[0]!r}, it expects one output neuron a class: use "
                "RateReadout() without a head, or freeze it (--readout rate)"
            )

    def __str__(self) -> str:
        return "a readout of spikes with nothing to learn"


def trainable_names(network: Network) -> list[str]:
    """Names of the parameters that require a gradient."""
    return [name for name, parameter in network.named_parameters() if parameter.requires_grad]


def weights_of(network: Network) -> list[str]:
    """Names of all that can be learned in the synapses of blocks."""
    return [f"{name}.{key}" for name, block in network.blocks.items() for key in trainable(block.synapse)]


@dataclass(frozen=True)
class SomethingToLearn(Need):
    """Something trainable that the rule would change.

    Args:
        what: what it changes, as the sentence has it.
        among: what the rule would change in a network; empty where it is nothing.
    """

    what: str = "parameter"
    among: Callable[[Network], Collection[str]] = trainable_names

    def check(self, network: Network, rule: str) -> None:
        if not self.among(network):
            raise ValueError(f"{rule} finds no trainable {self.what}: set requires_grad_(True) on what should learn")

    def __str__(self) -> str:
        return f"a trainable {self.what}"


@dataclass(frozen=True)
class LossFits(Need):
    """A network whose predictions follow what ``loss`` looks at."""

    loss: Loss

    @property
    def settings(self) -> Values:
        return self.loss.settings

    def check(self, network: Network, rule: str) -> None:
        if isinstance(network.readout, FittedReadout):
            raise ValueError(
                f"{rule} descends a loss of what it predicts, but the readout {network.readout.name!r} is fitted to "
                "records: train with a rule without a loss, such as stdp, or predict otherwise (--readout linear)"
            )
        self.loss.check(network)

    def __str__(self) -> str:
        return f"a readout that fits the loss {self.loss.name}"
