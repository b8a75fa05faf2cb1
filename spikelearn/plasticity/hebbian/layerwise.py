"""What rules share whose blocks learn each by itself, from what meets its weights and what its neurons make of it."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikelearn.network import Activity, Network, Record, copied_buffers
from spikelearn.neurons import Neuron
from spikelearn.plasticity.base import Batch, Memory, Rule, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.requires import Chain, Need, NoFeedback, Passes, SomethingToLearn
from spikelearn.synapses import drive, front_and_weights, trainable


@dataclass(frozen=True)
class LearningLayer:
    """A block's weights, what met them and what came of it.

    Args:
        place: of the block in the network.
        module: the layer of weights.
        neuron: what it drives.
        pre: x, what met the weights, behind all that stands in front of them, [T, B, in...].
        seen: what the block did.
    """

    place: int
    module: nn.Module
    neuron: Neuron
    pre: Tensor
    seen: Activity

    @property
    def weight(self) -> Tensor:
        """W, [n, ...]."""
        assert isinstance(self.module.weight, Tensor)
        return self.module.weight

    @property
    def bias(self) -> Tensor | None:
        """b, [n], where it is there and learns."""
        bias = self.module.bias
        return bias if isinstance(bias, Tensor) and bias.requires_grad else None


def _check_weights_last(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        if trainable(block.synapse) and front_and_weights(block.synapse) is None:
            made = " ".join(repr(block.synapse).split())
            raise ValueError(
                f"{rule} compares what meets the weights with the weights themselves, which must stand last in a "
                f"synapse and alone learn, but block {name!r} is {made}: leave batch norm behind the weights out "
                "(--no-batch-norm)"
            )


class LayerwiseHebbian(Rule):
    """Options and checks of rules of one run, in which no block sees another's weights or errors."""

    @property
    def supervised(self) -> bool:
        return False

    @property
    def factors(self) -> Factors:
        return LOCAL | {"record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            Chain("lets the neurons of each block compete for its one input"),
            NoFeedback("lets the neurons of each block compete for its one input"),
            Passes("weights that stand last in each synapse", _check_weights_last),
            SomethingToLearn("weight"),
        )

    @abstractmethod
    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        """{parameter of the layer: minus its wished change}, mean over the batch, for those that learn."""

    def kept(self, memory: Memory, record: Record) -> Memory:
        """New values of the memory behind a batch, of which ``record`` was seen."""
        return {}

    def metrics(self, network: Network) -> dict[str, float]:
        """The rule's own measurements of a batch."""
        return {}

    @torch.no_grad()
    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        grads: dict[str, Tensor] = {}
        with network.presentation() as buffers:
            record, _ = network.run(batch.inputs, masks=batch.masks)
            for place, (name, block) in enumerate(network.blocks.items()):
                if not trainable(block.synapse):
                    continue
                parts = front_and_weights(block.synapse)
                assert parts is not None
                front, module = parts
                with copied_buffers(front):  # statistics are taken once, by the run
                    pre = drive(front, record[name].pre)
                prefix = f"blocks.{name}.synapse." + (f"{len(front)}." if module is not block.synapse else "")
                changes = self.changes(LearningLayer(place, module, block.neuron, pre, record[name]), memory)
                grads |= {prefix + key: grad for key, grad in changes.items()}
            scores, rates = network.scores(record), firing_rates(network, record)
        yield Update(
            grads,
            scores,
            buffers=buffers,
            memory=self.kept(memory, record),
            rates=rates,
            metrics=self.metrics(network),
        )
