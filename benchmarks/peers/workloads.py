"""What is timed: networks, their inputs and their weights, the same for everyone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import build
from spikelearn.seeding import generator_for

#: Of every neuron: v[t] = DECAY v[t-1] + I[t], threshold 1.
DECAY = 0.9
#: Step of Adam; small, so that activity hardly moves while it is measured.
LEARNING_RATE = 1e-4


@dataclass(frozen=True)
class Workload:
    """One training step: a network, how long and how many samples it is shown, and what is done with its spikes.

    Args:
        name: the letter it is asked for by.
        about: what it is, in a few words.
        architecture: network string as ``spikelearn.build`` reads it.
        input_shape: of one image.
        steps: T.
        batch: B.
        activities: shares of input entries that are spikes, each measured on its own.
        gain: factor on torch's initial weights, so that all layers fire.
        trained: whether a step ends in Adam on the cross-entropy of summed spikes; else in the gradient of their sum.
        bias: whether synapses have one.
    """

    name: str
    about: str
    architecture: str
    input_shape: tuple[int, ...]
    steps: int
    batch: int
    activities: tuple[float, ...]
    gain: float
    trained: bool = True
    bias: bool = True

    def at(self, *, steps: int | None = None, batch: int | None = None, width: int | None = None) -> Self:
        """The same with another T, B, or number of (hidden) neurons, where one is given.

        Raises:
            ValueError: a width where the network has no dense layer to widen.
        """
        architecture, shape = self.architecture, self.input_shape
        if width is not None:
            if self.name not in WIDENED:
                raise ValueError(f"workload {self.name!r} has no width, expected one of {sorted(WIDENED)}")
            architecture = WIDENED[self.name].format(width)
            shape = (width,) if self.name == "a" else shape
        return replace(
            self, architecture=architecture, input_shape=shape, steps=steps or self.steps, batch=batch or self.batch
        )

    def synapses(self) -> list[nn.Module]:
        """The weights of every layer, with the pooling and flattening that stands in front of them: plain modules."""
        network = build(
            self.architecture, input_shape=self.input_shape, bias=self.bias, generator=generator_for(0, "weights")
        )
        synapses = [block.synapse for block in network.blocks.values()]
        with torch.no_grad():
            for weights in weights_of(synapses):
                weights.weight.mul_(self.gain)
        return synapses

    def inputs(self, activity: float) -> Tensor:
        """Bernoulli spikes as bytes, uint8 [T, B, ...]."""
        shape = (self.steps, self.batch, *self.input_shape)
        return (torch.rand(shape, generator=generator_for(1, "inputs")) < activity).to(torch.uint8)

    def targets(self) -> Tensor:
        """Class numbers, int64 [B]."""
        return torch.randint(0, 10, (self.batch,), generator=generator_for(2, "targets"))

    def loss(self, spikes: Tensor, targets: Tensor) -> Tensor:
        """What is descended, of the last layer's spikes [T, B, n]."""
        return F.cross_entropy(spikes.sum(0), targets) if self.trained else spikes.sum()


def weights_of(synapses: Sequence[nn.Module]) -> list[nn.Linear | nn.Conv2d]:
    """The modules with weights in ``synapses``, in order."""
    return [part for synapse in synapses for part in synapse.modules() if isinstance(part, nn.Linear | nn.Conv2d)]


WIDENED = {"a": "{0}-{0}", "b": "784-{0}-10"}
WORKLOADS = {
    "a": Workload(
        "a", "Linear(512, 512) + LIF", "512-512", (512,), 500, 16, (0.10, 0.02), 4.0, trained=False, bias=False
    ),
    "b": Workload("b", "784-400-10", "784-400-10", (784,), 25, 128, (0.13, 0.05), 3.0),
    "c": Workload("c", "16C5-P2-32C3-P2-10", "16C5p2-MP2-32C3p1-MP2-10", (1, 28, 28), 10, 32, (0.13,), 3.0),
}
