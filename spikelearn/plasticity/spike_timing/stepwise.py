"""Rules whose weights change at every step, so that a change already counts for the next spikes."""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, check_shape
from spikelearn.network import Activity, Network, Record, State, hold_signs, keep_states
from spikelearn.neurons import Neuron
from spikelearn.plasticity.base import Batch, Memory, Update
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.homeostasis import Fired, Homeostasis, NoHomeostasis
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.running import RunningRecord
from spikelearn.plasticity.spike_timing.followed import Pairs, Place
from spikelearn.plasticity.spike_timing.rewards import Payments
from spikelearn.plasticity.teachable import TeachableRule, weight_names
from spikelearn.synapses import SparseLinear, as_float, as_linear, trainable

Traces = dict[str, Tensor]


class Seen(NamedTuple):
    """One edge at one step, as its weights see it.

    Args:
        pre: what met the weights, [B, in].
        post: what the target sent, [B, out]; with dendritic delays of listed connections [B, (D + 1) out], the newest
            step first.
        v: what the target compared with its threshold, [B, out].
        state: of the target behind the step, its tensors [B, out].
        neuron: the target's model.
        weight: the weights as they stand, [out, in]; of listed connections [K, 1].
        reward: what the samples were paid at this step, [B]; None: the rule knows no reward.
        pairs: the connections of a synapse that lists them; None: all.
    """

    pre: Tensor
    post: Tensor
    v: Tensor
    state: Any
    neuron: Neuron
    weight: Tensor
    reward: Tensor | None
    pairs: Pairs | None = None


class Sent(NamedTuple):
    """What a synapse is told of its target at one step: spikes and potential [B, out], and the state behind it."""

    post: Tensor
    v: Tensor
    state: Any


class Moment(NamedTuple):
    """The end of one step of a presentation.

    Args:
        record: what the network did, [B, ...].
        weights: {parameter: the private copy that has just changed}.
        traces: {parameter: the rule's traces of that edge}.
    """

    record: Record
    weights: dict[str, Tensor]
    traces: dict[str, Traces]


@dataclass
class Carried:
    """What one part of a presentation leaves to the next, so that both together are one presentation.

    Args:
        state: of the network; None: it has not begun.
        traces: {parameter: the rule's traces of that edge}.
        waiting: {parameter: what its synapses will be told of their targets, the oldest first}.
        heard: {parameter: spikes of its targets that connections hear by delays of their own, the newest first}.
    """

    state: State | None = None
    traces: dict[str, Traces] = field(default_factory=dict)
    waiting: dict[str, deque[Sent]] = field(default_factory=dict)
    heard: dict[str, deque[Tensor]] = field(default_factory=dict)


#: What is told of every edge that learns at every step, before its weights change: name, what met, traces, terms.
Watch = Callable[[str, Seen, Traces, Mapping[str, Tensor]], None]


class StepwiseRule(TeachableRule):
    """A rule whose weights change at every step; the subclass says by how much.

    At a step the network steps with the weights as they stand; the subclass follows its traces and forms the change;
    the weights that learn become (1 - ``weight_decay``) times what they were with the change, cut to the bounds. The B
    samples share the weights. The update is the change over the whole presentation, so that the default optimizer, of
    learning rate 1, leaves the weights where the presentation ended.

    Args:
        low, high: bounds of the weights that learn; infinite: none.
        weight_decay: share of a weight that is lost at every step, in [0, 1).
        dendritic_delay: steps by which a synapse sees late what its target did: in the first steps no spike, and the
            potential as the presentation began.
        dt, teacher, homeostasis: as in ``TeachableRule``.
    """

    weight_decay = 0.0
    #: Whether the change is that of ``Seen.pairs`` alone, where connections are listed.
    knows_lists: ClassVar[bool] = False
    #: Where delays of single connections lie, "axonal" or "dendritic", as seen from the synapse.
    delays: str = "axonal"
    #: Whether ``walk`` is how the rule learns.
    walks: bool = True
    #: Whether it learns by rewards.
    pays: ClassVar[bool] = False
    #: {trace: what has it}, of the traces by which a change is understood.
    places: Mapping[str, Place] = {}
    takes_dynamics = True

    def __init__(
        self,
        *,
        low: float,
        high: float,
        dt: float,
        teacher: float = 0.0,
        dendritic_delay: int = 0,
        homeostasis: Homeostasis = NoHomeostasis(),
    ) -> None:
        super().__init__(dt=dt, teacher=teacher, homeostasis=homeostasis)
        check_count("dendritic_delay", dendritic_delay, least=0)
        self.dendritic_delay = dendritic_delay
        for name, value in (("low", low), ("high", high)):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}, expected a number, or infinity for no bound")
        if not low < high:
            raise ValueError(f"low is {low} and high is {high}, expected low < high")
        self.low, self.high = low, high

    @property
    def factors(self) -> Factors | None:
        # A teacher's scores are those of a second run, which is recorded.
        return LOCAL | {"record"} if self.teacher else LOCAL

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, self.form_of_synapses

    @property
    def form_of_synapses(self) -> Need:
        """What the synapses that learn must be."""
        return Passes(
            "dense or listed weights where something learns", check_listed if self.knows_lists else check_linear
        )

    @abstractmethod
    def terms(self, seen: Seen, traces: Traces) -> dict[str, Tensor]:
        """By what an edge's weights change at one step: {term: its share, mean over the samples, shaped as they are}.

        ``traces`` are the edge's own since the presentation began, empty at first; the rule writes them anew.
        """

    def change(self, seen: Seen, traces: Traces) -> Tensor:
        """The change of an edge's weights at one step: the sum of its ``terms``."""
        return summed(self.terms(seen, traces))

    def moved_by_events(self, seen: Seen, traces: Traces) -> bool:
        """Follow the traces and change ``seen.weight`` in place at the connections that spiked, to the same values.

        False: nothing was done, and the change must be formed of every weight; where nobody looks at terms alone.
        """
        return False

    def move(self, weight: Tensor, change: Tensor) -> None:
        """Change weights in place, let them decay and cut them to the bounds."""
        weight.add_(change).mul_(1.0 - self.weight_decay).clamp_(self.low, self.high)

    def payments(self, network: Network, batch: Batch) -> Payments | None:
        """What pays the samples of a batch step by step; None: the rule knows no reward."""
        return None

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        network.check_run(batch.inputs, masks=batch.masks)
        yield self.step_by_step(network, batch, memory)

    def step_by_step(self, network: Network, batch: Batch, memory: Memory) -> Update:
        """The update of any network that the rule can train."""
        teaching = self.teaching(network, batch)
        with network.presentation() as buffers:
            scores = self.untaught_scores(network, batch) if teaching else None
            seen, fired, weights = RunningRecord(network), Fired(), dict[str, Tensor]()
            for moment in self.walk(network, batch, teaching):
                seen.add(moment.record)
                if self.homeostasis.acts:
                    fired.add(moment.record)
                weights = moment.weights
            scores = seen.scores() if scores is None else scores
        grads = {name: network.get_parameter(name).detach() - weight for name, weight in weights.items()}
        return self.balanced(Update(grads, scores, buffers=buffers, rates=seen.rates()), network, fired, memory)

    def balanced(self, update: Update, network: Network, fired: Fired, memory: Memory) -> Update:
        """As ``TeachableRule`` has it, with weights cut to the bounds."""
        update = super().balanced(update, network, fired, memory)
        for name in self._scaled(network):
            weight = network.get_parameter(name).detach()
            update.grads[name] = weight - (weight - update.grads[name]).clamp(self.low, self.high)
        return update

    def _scaled(self, network: Network) -> list[str]:
        """The names of the weights that homeostasis changes."""
        adapted = self._adapted(network) if self.homeostasis.changes == "weight" else {}
        return [prefix + name for prefix, parameters in adapted.items() for name in parameters]

    def walk(
        self,
        network: Network,
        batch: Batch,
        teaching: Mapping[str, Tensor] | None = None,
        watch: Watch | None = None,
        carried: Carried | None = None,
        payments: Payments | None = None,
        first: int = 0,
    ) -> Iterator[Moment]:
        """Present a batch step by step while private copies of the weights change; the network gets its own back.

        Args:
            network: that steps.
            batch: what it sees.
            teaching: {block: current [T, B, n] that is injected}.
            watch: is told of every change, before it is made.
            carried: where the part before ended; it is brought to where this one stands. None: begin anew.
            payments: what pays the samples; None: as the rule says.
            first: number of the first step, for the payments.

        Shapes: the tensors of a moment are those of its step alone; the record's are [1, B, ...].
        """
        carried = carried or Carried()
        traces, late = carried.traces, _Late(self.dendritic_delay, carried, dendritic=self.delays == "dendritic")
        payments = self.payments(network, batch) if payments is None else payments
        with private_weights(network, self.low, self.high) as weights:
            for t, x in enumerate(batch.inputs.unbind(0)):
                inject = {name: current[t] for name, current in (teaching or {}).items()}
                record, carried.state = network.step(x, carried.state, masks=batch.masks, inject=inject)
                keep_states(network.blocks, carried.state.neurons)
                reward = None if payments is None else payments.at(first + t, record)
                for name, seen in seen_edges(network, record, carried.state, weights, reward, late):
                    own = traces.setdefault(name, {})
                    if watch is not None or not self.moved_by_events(seen, own):
                        terms = self.terms(seen, own)
                        if watch is not None:
                            watch(name, seen, own, terms)
                        self.move(weights[name], summed(terms))
                    hold_signs(network, (name,))
                now = {name: Activity(*(part.unsqueeze(0) for part in seen)) for name, seen in record.items()}
                yield Moment(Record(now, {}, outputs=record.outputs), weights, traces)


def summed(terms: Mapping[str, Tensor]) -> Tensor:
    """The sum of the terms of a change, in their order."""
    return reduce(torch.add, terms.values())


def seen_edges(
    network: Network,
    record: Record,
    state: State,
    weights: Mapping[str, Tensor],
    reward: Tensor | None = None,
    late: "_Late | None" = None,
) -> Iterator[tuple[str, Seen]]:
    """The edges that learn at one step, by the names of their ``weights``; ``late`` tells of targets later."""
    late = late or _Late(0, Carried())
    for prefix, synapse, met, target in network.edges(record):
        name = weight_name(prefix, synapse)
        if name in weights:
            sent = late.of(name, target, record, state)
            pre, pairs = _met(synapse, met, sent.post, target, weights[name]), _pairs(synapse)
            if late.dendritic and isinstance(synapse, SparseLinear) and synapse.longest:
                pre, sent, pairs = _dendritic(synapse, pre, sent, late.kept(name, sent.post, synapse.longest))
            yield name, Seen(pre, *sent, network.blocks[target].neuron, weights[name], reward, pairs)


class _Late:
    """What synapses are told of their targets, ``delay`` steps late; ``dendritic``: and by delays of their own."""

    def __init__(self, delay: int, carried: Carried, *, dendritic: bool = False) -> None:
        self.delay, self.dendritic = delay, dendritic
        self.waiting, self.heard = carried.waiting, carried.heard

    def of(self, edge: str, target: str, record: Record, state: State) -> Sent:
        """What the synapses of an edge are told at this step, of whose target ``record`` and ``state`` tell."""
        now = Sent(record[target].spikes, record[target].v, state.neurons[target])
        if not self.delay:
            return now
        silent = now._replace(post=torch.zeros_like(now.post))
        waiting = self.waiting.setdefault(edge, deque([silent] * self.delay))
        waiting.append(now)
        return waiting.popleft()

    def kept(self, edge: str, post: Tensor, longest: int) -> Tensor:
        """Spikes of a target at this step and at each of ``longest`` before it, [B, (D + 1) out], the newest first."""
        kept = self.heard.setdefault(edge, deque([torch.zeros_like(post)] * (longest + 1), longest + 1))
        kept.appendleft(post)
        return torch.cat(list(kept), 1)


def _dendritic(synapse: SparseLinear, pre: Tensor, sent: Sent, posts: Tensor) -> tuple[Tensor, Sent, Pairs]:
    """What is seen where delays lie behind the synapses: spikes met as they are sent, the target's ``posts`` late."""
    assert synapse.delays is not None
    late = synapse.targets.long() + synapse.delays.long() * synapse.out_features
    return pre[:, -synapse.in_features :], sent._replace(post=posts), Pairs(synapse.sources.long(), late)


def _met(synapse: nn.Module, met: Tensor, post: Tensor, name: str, weight: Tensor) -> Tensor:
    """What met the weights, [B, in]."""
    pre = as_float(met, synapse).flatten(1)
    size = synapse.out_features if isinstance(synapse, SparseLinear) else len(weight)
    check_shape(f"spikes of {name}", post, (len(pre), size), "put nn.Flatten before it")
    return pre


def _pairs(synapse: nn.Module) -> Pairs | None:
    """The connections of a synapse that lists them."""
    if not isinstance(synapse, SparseLinear):
        return None
    sides = synapse.sides()
    return Pairs(sides.columns, sides.targets, sides)


def check_linear(network: Network, rule: str) -> None:
    """Raise ValueError where something else than ``nn.Linear`` would learn."""
    for prefix, synapse in network.synapses().items():
        if weight_names(trainable(synapse)) and as_linear(synapse) is None:
            made = " ".join(repr(synapse).split())
            raise ValueError(
                f"{rule} learns nn.Linear, but {prefix[:-1]} is {made}: freeze it with requires_grad_(False), or use "
                "stdp"
            )


def check_listed(network: Network, rule: str) -> None:
    """Raise ValueError where something else than ``nn.Linear`` and ``SparseLinear`` would learn."""
    for prefix, synapse in network.synapses().items():
        if weight_names(trainable(synapse)) and _holder(synapse) is None:
            made = " ".join(repr(synapse).split())
            raise ValueError(
                f"{rule} learns nn.Linear and SparseLinear, but {prefix[:-1]} is {made}: freeze it with "
                "requires_grad_(False), or use stdp"
            )


def _holder(synapse: nn.Module) -> nn.Module | None:
    """The layer whose weights learn: dense ones, or those of listed connections."""
    return synapse if isinstance(synapse, SparseLinear) else as_linear(synapse)


def weight_name(prefix: str, synapse: nn.Module) -> str:
    """The name of the weights of an ``nn.Linear``, alone or behind ``nn.Flatten``."""
    return f"{prefix}{len(synapse) - 1}.weight" if isinstance(synapse, nn.Sequential) else f"{prefix}weight"


@contextmanager
def private_weights(network: Network, low: float, high: float) -> Iterator[dict[str, Tensor]]:
    """Replace weights that learn by copies within the bounds, by name; on leaving the network has its own back."""
    places: dict[str, tuple[nn.Module, Any]] = {}
    for prefix, synapse in network.synapses().items():
        layer = _holder(synapse)
        if layer is not None and layer.get_parameter("weight").requires_grad:
            places[weight_name(prefix, synapse)] = (layer, layer.weight)
    copies = {name: weight.detach().clamp(low, high) for name, (_, weight) in places.items()}
    for name, (layer, _) in places.items():
        layer._parameters["weight"] = nn.Parameter(copies[name], requires_grad=False)
    try:
        yield copies
    finally:
        for layer, own in places.values():
            layer._parameters["weight"] = own
