"""Runs for three-factor rules: errors at currents, edges with their inputs, and steps one by one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spikelearn.network import Activity, BlockActivity, Network, Record, State, keep_states
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.running import RunningRecord
from spikelearn.plasticity.three_factor.engine.behind import Senders, senders
from spikelearn.plasticity.three_factor.signals.base import Local, Sent, Signal
from spikelearn.plasticity.three_factor.traces.base import Behind, Edge, Trace
from spikelearn.synapses import as_float, float_type, is_linear, trainable, uses_batch_statistics
from spikelearn.synapses.structure import behind_front
from spikelearn.traces import step_weights


def zero_currents(network: Network, inputs: Tensor, places: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """{place: zeros [T, B, ...], whose gradient is the error there}, to be added to the currents of a run.

    Args:
        network: that will be run.
        inputs: [T, B, ...].
        places: {block, or block.current: shape of its neurons}.
    """
    zero = torch.zeros((), dtype=float_type(network), device=inputs.device)
    # One number, seen at every place: of itself it takes no room.
    return {name: zero.expand(*inputs.shape[:2], *shape).detach().requires_grad_() for name, shape in places.items()}


def every_current(network: Network, inputs: Tensor) -> dict[str, tuple[int, ...]]:
    """{block, or block.current, that a synapse drives: shape of its neurons}."""
    shapes = network.shapes(inputs[0, :1])
    return {place: shapes[place.partition(".")[0]] for place in network.currents().values()}


def sent_of(
    signal: Signal,
    network: Network,
    batch: Batch,
    record: Record,
    currents: Mapping[str, Tensor],
    shares: Tensor,
    first: int = 0,
) -> Sent:
    """The record that the signal may look at; where errors pass between blocks it asks for the loss alone."""
    taught = {target.partition(".")[0] for target, _ in edges_of(network, record).values()}
    hidden = [name for name in record if signal.cut and name in taught and name not in network.outputs]
    spikes = {name: record[name].spikes for name in hidden if record[name].spikes.requires_grad}
    heard_of = {name: sent.detach() for name, sent in spikes.items()}
    potentials = {name: record[name].v for name in spikes} if isinstance(signal, Local) else {}
    outputs = [currents[name] for name in network.outputs if name in currents]
    read = [record[name].spikes for name in network.outputs]
    return Sent(network, outputs, spikes, heard_of, potentials, batch, shares, first=first, read=read)


def step_shares(network: Network, batch: Batch, counted: Tensor | None, whole: float) -> Tensor:
    """The weight of each step of each sample in the loss, [T, B].

    Args:
        network, batch: of the run.
        counted: steps whose loss is descended, bool [T]; None: all.
        whole: the sum over a sample's steps.
    """
    kind, device = float_type(network), batch.inputs.device
    valid = heard(batch, counted).valid_steps
    if valid is None:
        return torch.full(batch.inputs.shape[:2], whole / len(batch.inputs), dtype=kind, device=device)
    return whole * step_weights(valid, dtype=kind)


def heard(batch: Batch, counted: Tensor | None) -> Batch:
    """The batch, of which the loss hears the steps that count."""
    if counted is None:
        return batch
    valid = counted.unsqueeze(1).expand(len(counted), batch.size)
    return replace(batch, lengths=None, valid=valid if batch.valid_steps is None else valid & batch.valid_steps)


def edges_of(network: Network, record: Record) -> dict[str, tuple[str, Edge]]:
    """{parameter prefix: (block, or block.current, that it drives; edge)} of every edge on which something learns."""
    return edges_among(network, network.edges(record))


def edges_into(network: Network, layer: BlockActivity) -> dict[str, tuple[str, Edge]]:
    """The same of the edges into one block, of what it did."""
    met = {f"feedforward.{name}": pre for name, pre in layer.met.items()}
    met[f"blocks.{layer.name}"] = layer.activity.pre
    into = network.into(layer.name)
    return edges_among(network, ((f"{path}.synapse.", synapse, met[path], layer.name) for path, _, synapse in into))


def edges_among(network: Network, edges: Iterable[tuple[str, nn.Module, Tensor, str]]) -> dict[str, tuple[str, Edge]]:
    """The ``edges``, as ``Network.edges`` gives them, on which something learns."""
    fed = [
        prefix for prefix, place in zip(network.synapses(), network.places, strict=True) if place in network.wiring.fed
    ]
    driven = network.currents()
    return {
        prefix: (
            driven[prefix],
            Edge(synapse, pre, network.blocks[target].neuron, prefix in fed, target in network.outputs),
        )
        for prefix, synapse, pre, target in edges
        if trainable(synapse)
    }


def place_of(prefix: str) -> str:
    """The place of a mask on the current of an edge, of the edge's parameter prefix."""
    path = prefix.removesuffix(".synapse.")
    return f"{path.removeprefix('blocks.')}.synapse" if path.startswith("blocks.") else path


def before_mask(batch: Batch, prefix: str, error: Tensor) -> Tensor:
    """The error at what a synapse gives, of that at the current behind the mask of its edge, [T, B, ...]."""
    mask = batch.masks.get(place_of(prefix))
    return error if mask is None else error * mask


def masked_behind(batch: Batch, prefix: str, behind: Behind | None) -> Behind | None:
    """Activity behind an edge, as its synapse sees it through the mask of the edge."""
    return None if behind is None else behind._replace(signal=before_mask(batch, prefix, behind.signal))


class Step(NamedTuple):
    """The changes that one step adds.

    Args:
        grads: {parameter: gradient}.
        own: {memory tensor: gradient}.
        loss: the step's share of the loss.
        metrics: {name: number}.
    """

    grads: dict[str, Tensor]
    own: dict[str, Tensor]
    loss: Tensor
    metrics: Mapping[str, float] = {}


class Walk:
    """A run that goes step by step and keeps states, traces and sums only.

    Args:
        signal, trace, adjoint: of the rule.
        network: left as it is.
        batch: all steps count.
        memory: the rule's.
        names: of the parameters that learn.
        shares: share of every step's loss in that of the whole, [T]; 0: the step has no part.
        told: share of every step in what the signal tells hidden blocks, [T]; None: as ``shares``. Of a step without
            either no derivative is formed.
    """

    def __init__(
        self,
        signal: Signal,
        trace: Trace,
        adjoint: Adjoint,
        network: Network,
        batch: Batch,
        memory: Memory,
        names: list[str],
        shares: Sequence[float],
        told: Sequence[float] | None = None,
    ) -> None:
        self.signal, self.trace, self.adjoint = signal, trace, adjoint
        self.network, self.batch, self.memory, self.names, self.shares = network, batch, memory, names, shares
        self.told = shares if told is None else told
        self.seen = RunningRecord(network)
        self.loss = torch.zeros((), dtype=float_type(network), device=batch.inputs.device)
        self._places = every_current(network, batch.inputs)
        # What a step of a batch norm with statistics of its own does is no product of two factors.
        self._couples_samples = any(uses_batch_statistics(synapse) for synapse in network.synapses().values())
        # A trace is one of what meets the weights, behind a max pool or another map that it could not cross.
        self._fronts = {
            prefix: behind_front(synapse)
            for prefix, synapse in network.synapses().items()
            if trace.is_factor and trainable(synapse) and not is_linear(synapse)
        }
        self._state: State | None = None
        self._traces: dict[str, Tensor] = {}
        self._slopes: dict[str, Tensor] = {}

    def step(self, t: int) -> Step:
        """Take step t; steps are taken in order."""
        x, share = self.batch.inputs[t], self.shares[t] or self.told[t]
        looks = self.trace.looks_behind
        currents = zero_currents(self.network, x.unsqueeze(0), self._places)
        with self.signal.crossing(self.network, x, self.memory), torch.set_grad_enabled(looks or share != 0.0):
            record, after = self._stepped(x, currents)
        self._went_on(after)
        behind = senders(self.trace, self.network, record, currents)
        record = record if self._couples_samples else as_sequence(record)
        # Without its graph, which traces would carry from step to step.
        plain = detached(record)
        self.seen.add(plain)
        edges = {
            prefix: (target, self._at_weights(prefix, edge))
            for prefix, (target, edge) in edges_of(self.network, plain).items()
        }
        for prefix, (_, edge) in edges.items():
            self._traces[prefix] = self.trace.follow(edge, self._traces.get(prefix))
        learned = self._learned(t, record, currents, edges, behind) if share else self.nothing()
        for place, slope in behind.slopes.items():
            self._slopes[place] = self.trace.follow_slopes(slope, self._slopes.get(place))
        return learned

    def _went_on(self, after: State) -> None:
        """Go on from the state behind a step, of which neurons keep what they leave to the next presentation."""
        self._state = after.detach()
        keep_states(self.network.blocks, self._state.neurons)

    def _at_weights(self, prefix: str, edge: Edge) -> Edge:
        """The edge behind the layers in front of its weights."""
        if prefix not in self._fronts:
            return edge
        front, weights = self._fronts[prefix]
        with torch.no_grad():
            return edge._replace(synapse=weights, pre=front(as_float(edge.pre[0], edge.synapse)).unsqueeze(0))

    def _stepped(self, x: Tensor, currents: Mapping[str, Tensor]) -> tuple[Record, State]:
        """The record of a step, of batch statistics that of a sequence of one, and the state after it."""
        options: dict[str, Any] = {"adjoint": self.adjoint, "masks": self.batch.masks, "cut": self.signal.cut}
        if self._couples_samples:
            # A batch norm has the statistics of its batch in a run alone.
            return self.network.run(x.unsqueeze(0), self._state, inject=currents, **options)
        inject = {name: current[0] for name, current in currents.items()}
        return self.network.step(x, self._state, inject=inject, **options)

    def rest(self) -> dict[str, Tensor]:
        """{parameter: gradient} that is known after the last step alone."""
        return {}

    def value(self, t: int, record: Record) -> Tensor:
        """The share of step t in the loss, of its record as a sequence of one."""
        batch = self.batch
        if batch.task.per_step:
            now = slice(t, t + 1)
            rewards = None if batch.rewards is None else batch.rewards[now]
            batch = replace(batch, inputs=batch.inputs[now], targets=batch.targets[now], rewards=rewards)
        return self.shares[t] * self.signal.loss.of(batch, record.output, self.network.scores(record))

    def share_of(self, t: int) -> Tensor:
        """The weight of step t of each sample in what the signal tells, [1, B]."""
        return self.loss.new_full((1, self.batch.size), self.told[t])

    def nothing(self) -> Step:
        """A step that adds nothing."""
        return Step({}, {}, torch.zeros_like(self.loss))

    def _learned(
        self,
        t: int,
        record: Record,
        currents: Mapping[str, Tensor],
        edges: Mapping[str, tuple[str, Edge]],
        behind: Senders,
    ) -> Step:
        value = self.value(t, record)
        sent = sent_of(self.signal, self.network, self.batch, record, currents, self.share_of(t), t)
        if self._couples_samples:
            parameters = [self.network.get_parameter(name) for name in self.names]
            pulled = self.signal.pull(value, parameters, sent, self.memory)
            at = zip(self.names, pulled.at, strict=True)
            self.loss += value.detach()
            grads = {name: grad for name, grad in at if grad is not None}
            return Step(grads, pulled.own, value.detach(), pulled.metrics)
        pulled = self.signal.pull(value, [*currents.values(), *behind.spikes.values()], sent, self.memory)
        errors = dict(zip(currents, pulled.at, strict=False))
        there = behind.behind(pulled.at[len(currents) :], self._slopes)
        grads = {}
        for prefix, (target, edge) in edges.items():
            if (error := errors[target]) is not None:
                met = masked_behind(self.batch, prefix, there.get(target))
                changes = self.trace.meet(edge, self._traces[prefix], before_mask(self.batch, prefix, error), met)
                grads |= {prefix + name: grad for name, grad in changes.items()}
        self.loss += value.detach()
        return Step(grads, pulled.own, value.detach(), pulled.metrics)


def as_sequence(record: Record) -> Record:
    """The record of a step as that of a sequence of one."""
    return _mapped(record, lambda part: part.unsqueeze(0))


def detached(record: Record) -> Record:
    """The record without its graph."""
    return _mapped(record, Tensor.detach)


def _mapped(record: Record, change: Callable[[Tensor], Tensor]) -> Record:
    """The record with each of its tensors changed."""
    return Record(
        {name: Activity(*map(change, seen)) for name, seen in record.items()},
        {name: change(met) for name, met in record.feedback.items()},
        feedforward={name: change(met) for name, met in record.feedforward.items()},
        outputs=record.outputs,
    )
