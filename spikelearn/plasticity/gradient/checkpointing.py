"""The same gradient in less memory: a sequence is run twice, and differentiated chunk by chunk."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Activity, Network, Record, State, learning_only, reparametrised
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Update, firing_rates
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses.base import Loss
from spikelearn.synapses import uses_batch_statistics

#: Share of output potentials that may differ when a chunk is run again: rounding may, a synapse with noise does.
MAY_DIFFER = 0.01


class LastBlock(Activity):
    """Spikes and potentials of the last block, kept for readout and loss without what met its weights."""

    @property
    def pre(self) -> Tensor:
        raise ValueError(
            "with a memory_budget what met the last block's weights is not kept, but the readout or the loss asks for "
            "it: use the block's spikes or v, or leave memory_budget out"
        )


class Passed(NamedTuple):
    """Results of the first pass: states at the chunks' starts, the last block's record, and rates."""

    starts: list[State | None]
    spikes: Tensor
    v: Tensor
    rates: dict[str, float]


def checkpointed_update(
    network: Network, batch: Batch, loss: Loss, adjoint: Adjoint, names: list[str], chunk: int
) -> Update:
    r"""``gradient_update`` with only ``chunk`` steps' graph in memory at once; the same gradient to rounding.

    The first pass keeps the state at the start of every chunk and the last block's record, from which the loss follows.
    Then, from the last chunk to the first, each is run again from its state, and the gradients in its output and in
    the state at its end are pulled back to the parameters and to the state at its start. Reparametrised weights are
    computed, and differentiated, once.

    Raises:
        ValueError: as ``gradient_update`` and ``check_chunks``; a chunk that does not repeat.
    """
    check_chunks(network, adjoint)
    with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
        parts = batch.inputs.split(chunk)
        passed = _first_pass(network, parts, adjoint, batch)
        kept = LastBlock(passed.v[:0], passed.spikes.requires_grad_(), passed.v.requires_grad_())
        scores = network.scores(Record({"read": kept}, {}), batch.valid_steps)
        value = loss.of(batch, kept, scores)
        totals = Totals(network, names)
        arriving = totals.pull([value], [None], [passed.spikes, passed.v])
        _pull_through(network, parts, adjoint, batch, passed, arriving, totals)
        gradients = totals.gradients()
    grads = named_gradients(loss, names, gradients)
    metrics = {"chunk": float(chunk)}
    return Update(grads, scores.detach(), value.detach(), buffers=buffers, rates=passed.rates, metrics=metrics)


def check_chunks(network: Network, adjoint: Adjoint) -> None:
    """Raise ValueError where a sequence cannot be differentiated in pieces."""
    if type(adjoint).step is Adjoint.step:
        raise ValueError(
            f"memory_budget carries derivatives from chunk to chunk in the state, but the adjoint {adjoint!r} needs "
            "the whole sequence at once, and its state has none: leave memory_budget out, or use a Surrogate"
        )
    for name, block in network.blocks.items():
        if block.neuron.kept and block.neuron.training:
            raise ValueError(
                f"block {name!r} keeps {', '.join(block.neuron.kept)} between presentations, of which chunks would be "
                "several: leave memory_budget out, or put the block in eval mode"
            )
    # Synapses that are called step by step use running statistics.
    for name, edge in network.places.items():
        at_once = not network.feedback or name in network.wiring.fed
        if at_once and uses_batch_statistics(edge.synapse):
            raise ValueError(
                f"block {name!r} has a batch norm with the statistics of all steps of its batch, which a chunk does "
                "not know: leave memory_budget out, or put the block in eval mode"
            )


class Totals:
    """Gradients summed over several pulls, in the parameters ``names`` of a network."""

    def __init__(self, network: Network, names: list[str]) -> None:
        self.parameters = [network.get_parameter(name) for name in names]
        weights, sources = reparametrised(network)
        # Pulled back to the computed weights first, and from there once: their graph is there only once.
        self.computed = [weight for weight in weights if weight.requires_grad]
        self.sources = [p for p in self.parameters if p in sources]
        self.points = [p for p in self.parameters if p not in sources] + self.computed
        self.sums: dict[Tensor, Tensor] = {}

    def pull(
        self, outputs: Sequence[Tensor], grads: Sequence[Tensor | None], leaves: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """Pull the gradients ``grads`` in ``outputs`` back; what arrives at ``leaves`` is handed over."""
        pulled = torch.autograd.grad(outputs, [*leaves, *self.points], grads, allow_unused=True)
        self._add(self.points, pulled[len(leaves) :])
        return list(pulled[: len(leaves)])

    def gradients(self) -> list[Tensor | None]:
        """The sum of every parameter's gradients; None where there was none."""
        reached = [weight for weight in self.computed if weight in self.sums]
        if reached:
            arrived = [self.sums[weight] for weight in reached]
            self._add(self.sources, torch.autograd.grad(reached, self.sources, arrived, allow_unused=True))
        return [self.sums.get(parameter) for parameter in self.parameters]

    def _add(self, points: Iterable[Tensor], grads: Iterable[Tensor | None]) -> None:
        for point, grad in zip(points, grads, strict=True):
            if grad is not None:
                self.sums[point] = self.sums[point] + grad if point in self.sums else grad


def _first_pass(network: Network, parts: Sequence[Tensor], adjoint: Adjoint, batch: Batch) -> Passed:
    """Run all chunks with a graph that is dropped at once: what is run again must take the same fast paths."""
    starts: list[State | None] = []
    outputs: list[tuple[Tensor, Tensor]] = []
    rates: dict[str, float] = {}
    state = None
    for part in parts:
        starts.append(state)
        record, after = network.run(part, state, adjoint=adjoint, masks=batch.masks, output_only=True)
        state = after.mapped(_leaf)
        for name, rate in firing_rates(network, record).items():
            rates[name] = rates.get(name, 0.0) + rate * len(part) / len(batch.inputs)
        outputs.append((record.output.spikes.detach(), record.output.v.detach()))
        # Gone before the next chunk is run, so that no two are there at once.
        del record, after
    spikes, v = (torch.cat(part) for part in zip(*outputs, strict=True))
    return Passed(starts, spikes, v, rates)


def _leaf(carried: Tensor) -> Tensor:
    """A carried tensor as the next chunk begins with it: a copy, for it may be a view of a whole record."""
    return carried.detach().clone().requires_grad_(carried.requires_grad)


def _pull_through(
    network: Network,
    parts: Sequence[Tensor],
    adjoint: Adjoint,
    batch: Batch,
    passed: Passed,
    arriving: Sequence[Tensor | None],
    totals: Totals,
) -> None:
    """Run chunk after chunk again, the last first, and pull the gradients back through each."""
    carried: dict[str, Tensor | None] = {}
    last = len(batch.inputs)
    for part in reversed(parts):
        here = slice(last - len(part), last)
        start = passed.starts.pop()
        outputs, after = _run_again(network, part, start, adjoint, batch, passed.v.detach()[here])
        pairs = [(out, grad[here]) for out, grad in zip(outputs, arriving, strict=True) if grad is not None]
        pairs += [(out, grad) for name, out in after.items() if (grad := carried.get(name)) is not None]
        pairs = [(out, grad) for out, grad in pairs if out.requires_grad]
        leaves = {name: x for name, x in start.tensors().items() if x.requires_grad} if start is not None else {}
        if pairs:
            arrived = totals.pull([out for out, _ in pairs], [grad for _, grad in pairs], list(leaves.values()))
            carried = dict(zip(leaves, arrived, strict=True))
        # Gone before the next chunk is run, as in the first pass.
        del outputs, after, pairs
        last = here.start


def _run_again(
    network: Network, part: Tensor, start: State | None, adjoint: Adjoint, batch: Batch, expected: Tensor
) -> tuple[tuple[Tensor, Tensor], dict[str, Tensor]]:
    """The last block's spikes and potentials, and the tensors of the state after ``part``."""
    record, after = network.run(part, start, adjoint=adjoint, masks=batch.masks, output_only=True)
    same = torch.isclose(record.output.v.detach(), expected, rtol=1e-3, atol=1e-3, equal_nan=True)
    if float(same.double().mean()) < 1.0 - MAY_DIFFER:
        raise ValueError(
            "a chunk that was run again from the same state gave other potentials: a neuron or synapse draws noise, or "
            "keeps something from call to call; leave memory_budget out"
        )
    return (record.output.spikes, record.output.v), after.tensors()
