"""The two kinds of edges: a block's forward synapse, and feedback."""

from torch import nn

from spikelearn.checks import check_count, check_instance
from spikelearn.neurons import Neuron


class Block(nn.Module):
    """A synapse and the neurons it drives.

    Args:
        synapse: module from the previous block's spikes [B, in...] to current [B, out...]; pooling and flattening
            stand in it, in front of the weights.
        neuron: the model of the neurons.
        delay: whole steps that the input takes to arrive.

    Raises:
        ValueError: dropout in the synapse, a negative delay.
    """

    def __init__(self, synapse: nn.Module, neuron: Neuron, *, delay: int = 0) -> None:
        super().__init__()
        check_count("delay", delay, least=0)
        check_instance(
            "neuron", neuron, Neuron, "for example LIF.per_step(0.9); build takes what makes one, LIF.per_step"
        )
        _refuse_dropout(synapse)
        self.synapse, self.neuron, self.delay = synapse, neuron, delay


class Feedback(nn.Module):
    """An edge from a later (or the same) block back to an earlier one; it is one step late.

    Args:
        source: block whose spikes are sent back.
        target: block whose current they add to.
        synapse: module from the source's spikes [B, ...] to the target's current [B, ...].

    Raises:
        ValueError: dropout in the synapse.
    """

    def __init__(self, source: str, target: str, synapse: nn.Module) -> None:
        super().__init__()
        _refuse_dropout(synapse)
        self.source, self.target, self.synapse = source, target, synapse


def _refuse_dropout(synapse: nn.Module) -> None:
    for name, module in synapse.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            raise ValueError(
                f"synapse has {type(module).__name__} at {name or 'its root'}: a new mask at every step is not what "
                "dropout means in time; pass the mask as data instead, Batch(masks={'<block>.synapse': mask [B, ...]})"
            )
