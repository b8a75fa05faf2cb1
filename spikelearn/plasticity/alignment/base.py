"""Two runs of one batch: of the network as it is, which gives the error, and of the network as it began."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikelearn.network import Network, Record, learning_only
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.plasticity.gradient.base import GradientRule
from spikelearn.plasticity.requires import FeedbackFromHidden, Need, trainable_names
from spikelearn.plasticity.three_factor.engine.walk import before_mask, every_current, zero_currents
from spikelearn.synapses import drive

#: What stands before a parameter in the names of a rule's memory.
INITIAL = "initial."

T = TypeVar("T")


class Top(NamedTuple):
    """A run of the network as it is, cut between blocks.

    Args:
        record: with the graph within each block that learns.
        scores: [B, classes], without a graph.
        loss: scalar, without a graph.
        errors: {current of a block that is read: dL/dI_out, [T, B, ...]}.
        grads: {parameter of those asked for: its gradient}; None where nothing arrives.
    """

    record: Record
    scores: Tensor
    loss: Tensor
    errors: dict[str, Tensor]
    grads: dict[str, Tensor | None]


class InitialWeightsRule(GradientRule):
    """A rule that keeps the parameters of the start, and sends errors down through the network that they make.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron.
    """

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, FeedbackFromHidden(
            "knows the error at what drives the output, as if no loop closed there"
        )

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"record"}

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``initial.<parameter>``: its value at the start} of all that learn."""
        self.check(network)
        return {INITIAL + name: network.get_parameter(name).detach().clone() for name in trainable_names(network)}

    def top(self, network: Network, batch: Batch, names: Sequence[str], inject: Mapping[str, Tensor]) -> Top:
        """The run of the network as it is: the output's error, and the gradients of the parameters ``names``.

        Args:
            network, batch: within a presentation.
            names: what the error reaches without crossing weights.
            inject: {place: zeros added to the current there}, of all blocks that are read at least.
        """
        record, _ = network.run(batch.inputs, adjoint=self.adjoint, inject=inject, masks=batch.masks, cut=True)
        scores = network.scores(record, batch.valid_steps)
        value = self.loss.of(batch, record.output, scores)
        outputs = [place for place in inject if place.partition(".")[0] in network.outputs]
        points = [inject[place] for place in outputs] + [network.get_parameter(name) for name in names]
        found = torch.autograd.grad(value, points, allow_unused=True, retain_graph=len(inject) > len(outputs))
        pairs = zip(outputs, found, strict=False)
        errors = {place: torch.zeros_like(inject[place]) if error is None else error for place, error in pairs}
        return Top(
            record, scores.detach(), value.detach(), errors, dict(zip(names, found[len(outputs) :], strict=True))
        )


def places_of(network: Network, inputs: Tensor, *, read: bool) -> dict[str, tuple[int, ...]]:
    """{current of the blocks that are read, or of the others: shape of its neurons}."""
    every = every_current(network, inputs).items()
    return {place: shape for place, shape in every if (place.partition(".")[0] in network.outputs) == read}


def output_zeros(network: Network, inputs: Tensor) -> dict[str, Tensor]:
    """Zeros at every current of the blocks that are read, as ``zero_currents`` makes them."""
    return zero_currents(network, inputs, places_of(network, inputs, read=True))


def as_it_began(network: Network, initial: Mapping[str, Tensor], look: Callable[[Network], T]) -> T:
    """What ``look`` finds in the network with the parameters ``initial``, which is left as it was.

    Args:
        network: outside a presentation, whose weights would be those of now.
        initial: {parameter: value}; others are as they are.
        look: called within a presentation; no buffer that it moves is kept.
    """
    named = {f"network.{name}": value for name, value in initial.items()}
    # What stays as it is needs no graph.
    with learning_only(network, ()):
        found: T = functional_call(_Looked(network), named, (look,))
    return found


class _Looked(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, look: Callable[[Network], T]) -> T:
        with self.network.presentation(), torch.enable_grad():
            return look(self.network)


def carried(network: Network, batch: Batch, record: Record, errors: Mapping[str, Tensor]) -> Tensor:
    r"""$\sum_t \langle e[t], I_{out}[t] \rangle$, whose derivative is what errors at the output become on the way down.

    Args:
        network, batch, record: of a run that is not cut.
        errors: {current of a block that is read: e, [T, B, ...]}.
    """
    driven = network.currents()
    parts = [
        (drive(synapse, pre) * before_mask(batch, prefix, errors[driven[prefix]])).sum()
        for prefix, synapse, pre, target in network.edges(record)
        if target in network.outputs
    ]
    return torch.stack(parts).sum()


def from_memory(memory: Memory) -> Iterator[tuple[str, Tensor]]:
    """(parameter, its value at the start) of all that are kept."""
    return ((name.removeprefix(INITIAL), kept.detach()) for name, kept in memory.items() if name.startswith(INITIAL))
