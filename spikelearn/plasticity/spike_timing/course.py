"""What one synapse met over a presentation, and by what its weight changed at every step."""

import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.network import Network
from spikelearn.plasticity.base import Rule
from spikelearn.plasticity.batch import Batch
from spikelearn.plasticity.spike_timing.followed import Pairs, Place
from spikelearn.plasticity.spike_timing.stepwise import Moment, Seen, StepwiseRule, Traces, Watch

F64 = torch.float64


@dataclass(frozen=True)
class Course:
    """One synapse over a presentation of T steps and B samples; float64.

    Args:
        synapse: its name, BLOCK:POST,PRE.
        rule: name of the rule.
        dt: time step, seconds.
        pre, post: spikes as the synapse sees them, [T, B].
        v: potential that its target compared with the threshold, [T, B].
        reward: what the samples were paid, [T, B]; None: the rule knows no reward.
        traces: {place: {trace: its value behind each step, [T, B], or [T, 1] where the samples share it}}.
        terms: {term: what it added to the weight at each step, [T]}: the rule's, then ``weight decay``, ``bounds``,
            ``sign``, and of weights that are coarser than float64 ``rounding``, where they did something.
        weight: before the first step and behind each, [T + 1].
    """

    synapse: str
    rule: str
    dt: float
    pre: Tensor
    post: Tensor
    v: Tensor
    reward: Tensor | None
    traces: Mapping[Place, Mapping[str, Tensor]]
    terms: Mapping[str, Tensor]
    weight: Tensor


def course_of(network: Network, rule: Rule, batch: Batch, synapse: str | None = None) -> Course:
    r"""Present a batch to a copy of a network whose weights change at every step, and follow one synapse.

    The terms sum to the change of the weight, $w[t{+}1] - w[t] = \sum_k \mathrm{term}_k[t]$. A weight outside the
    bounds of the rule starts at them. What acts once a presentation, as homeostasis and constraints do, comes behind
    the last step and is left out.

    Args:
        network: what learns; it is left as it is.
        rule: one whose weights change at steps.
        batch: what is presented; the change of a weight is the mean over its samples.
        synapse: BLOCK:POST,PRE, the numbers of the neurons behind and in front; instead of a block, a further edge
            as feedback.NAME or feedforward.NAME. None: the one whose weight changes most.

    Raises:
        ValueError: a rule whose weights do not change at steps, or that cannot train the network; a synapse that is not
            there or does not learn.

    Source: the equations are the rule's.
    """
    check_instance("batch", batch, Batch, "for example Batch(inputs, targets)")
    if not isinstance(rule, StepwiseRule) or not rule.walks:
        raise ValueError(
            f"{rule.name} does not change weights at every step of a presentation, expected a rule that does: "
            "stdp-online, triplet-stdp (online), mstdp, mstdpet, dopamine-stdp, vogels, clopath, urbanczik-senn"
        )
    network = deepcopy(network)
    rule.check(network)
    network.check_run(batch.inputs, masks=batch.masks)
    seeds = torch.arange(batch.size) if batch.seeds is None else batch.seeds
    chosen = synapse if synapse is not None else _most_changed(network, rule, batch, seeds)
    watch = _Following(chosen, rule, _edge(network, chosen))
    for moment in _moments(network, rule, batch, seeds, watch):
        watch.end(moment, bool(network.signs))
    return watch.course()


@torch.no_grad()
def _moments(network: Network, rule: StepwiseRule, batch: Batch, seeds: Tensor, watch: Watch) -> Iterator[Moment]:
    teaching = rule.teaching(network, batch)
    with network.presentation(), network.drawing(seeds) if network.random else nullcontext():
        yield from rule.walk(network, batch, teaching, watch)


def _most_changed(network: Network, rule: StepwiseRule, batch: Batch, seeds: Tensor) -> str:
    """The name of the synapse whose weight a presentation changes most."""
    first, last = dict[str, Tensor](), dict[str, Tensor]()
    lists = dict[str, Pairs | None]()

    def watch(name: str, seen: Seen, *_: Any) -> None:
        if name not in first:
            first[name], lists[name] = seen.weight.clone(), seen.pairs

    for moment in _moments(deepcopy(network), rule, batch, seeds, watch):
        last = moment.weights
    changes = {name: (last[name] - weight).abs() for name, weight in first.items()}
    name = max(changes, key=lambda name: float(changes[name].max()))
    row, column = divmod(int(changes[name].argmax()), changes[name].shape[1])
    pairs = lists[name]
    post, pre = (row, column) if pairs is None else (int(pairs.post[row]), int(pairs.pre[row]))
    return f"{_short(name)}:{post},{pre}"


def _short(name: str) -> str:
    """What an edge is called, of the name of its weights: by its block, or as feedback.NAME or feedforward.NAME."""
    kind, edge, *_ = name.split(".")
    return edge if kind == "blocks" else f"{kind}.{edge}"


def _edge(network: Network, synapse: str) -> str:
    """The beginning of the name of the weights of a synapse's edge."""
    word = synapse.partition(":")[0]
    edges = [prefix for prefix in network.synapses() if _short(prefix) == word]
    if not re.fullmatch(r"[^:]+:\d+,\d+", synapse) or not edges:
        names = ", ".join(dict.fromkeys(_short(prefix) for prefix in network.synapses()))
        raise ValueError(f"synapse is {synapse!r}, expected BLOCK:POST,PRE, as out:3,5, with a block among {names}")
    return edges[0]


@dataclass
class _Following:
    """Keeps of every step what one synapse is told, and what it makes of it."""

    synapse: str
    rule: StepwiseRule
    edge: str
    name: str = ""
    at: tuple[int, int] = (0, 0)
    sides: tuple[int, int] = (0, 0)
    steps: list[dict[str, Tensor]] = field(default_factory=list)
    terms: list[dict[str, float]] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def __call__(self, name: str, seen: Seen, traces: Traces, terms: Mapping[str, Tensor]) -> None:
        if not name.startswith(self.edge):
            return
        if not self.weight:
            self.name = name
            self._find(seen)
            self.weight.append(float(seen.weight[self.at]))
        post, pre = self.sides
        now = {"pre": seen.pre[:, pre], "post": seen.post[:, post], "v": seen.v[:, post % seen.v.shape[1]]}
        if seen.reward is not None:
            now["reward"] = seen.reward
        for trace, place in self.rule.places.items():
            now[f"{place} {trace}"] = self._of(traces.get(trace), place, len(seen.pre))
        self.steps.append({key: value.detach().to("cpu", F64, copy=True) for key, value in now.items()})
        self.terms.append({term: float(value[self.at]) for term, value in terms.items()})

    def end(self, moment: Moment, signs: bool) -> None:
        """Take in what has become of the weight at the end of a step, and what the rule's terms do not say of it."""
        if not self.name:
            raise ValueError(f"synapse is {self.synapse!r}, but the weights of {self.edge[:-1]} do not learn")
        after, terms = float(moment.weights[self.name][self.at]), self.terms[-1]
        changed = self.weight[-1] + sum(terms.values())
        terms["weight decay"] = -self.rule.weight_decay * changed
        decayed = changed + terms["weight decay"]
        bounded = min(max(decayed, self.rule.low), self.rule.high)
        terms["bounds"] = bounded - decayed
        terms["sign"] = -bounded if signs and after == 0.0 else 0.0
        coarse = moment.weights[self.name].dtype != F64
        terms["rounding"] = after - bounded - terms["sign"] if coarse else 0.0
        self.weight.append(after)

    def course(self) -> Course:
        kept = {key: torch.stack([step[key] for step in self.steps]) for key in self.steps[0]}
        terms = {term: torch.tensor([step[term] for step in self.terms], dtype=F64) for term in self.terms[0]}
        for term in ("weight decay", "bounds", "sign", "rounding"):
            if not terms[term].any():
                del terms[term]
        traces: dict[Place, dict[str, Tensor]] = {}
        for trace, place in self.rule.places.items():
            traces.setdefault(place, {})[trace] = kept[f"{place} {trace}"]
        weight = torch.tensor(self.weight, dtype=F64)
        pre, post, v = kept["pre"], kept["post"], kept["v"]
        name, dt = self.rule.name, self.rule.dt
        return Course(self.synapse, name, dt, pre, post, v, kept.get("reward"), traces, terms, weight)

    def _find(self, seen: Seen) -> None:
        """Find the weight that the numbers of the synapse name."""
        post, pre = self.sides = tuple(map(int, self.synapse.partition(":")[2].split(",")))  # type: ignore[assignment]
        sizes = seen.post.shape[1], seen.pre.shape[1]
        if post >= sizes[0] or pre >= sizes[1]:
            raise ValueError(
                f"synapse is {self.synapse!r}, expected a neuron from 0 to {sizes[0] - 1} behind and one from 0 to "
                f"{sizes[1] - 1} in front"
            )
        self.at = post, pre
        if seen.pairs is not None:
            found = ((seen.pairs.post == post) & (seen.pairs.pre == pre)).nonzero()
            if not len(found):
                raise ValueError(f"synapse is {self.synapse!r}, but neuron {pre} does not connect to {post} there")
            self.at = int(found[0]), 0

    def _of(self, trace: Tensor | None, place: Place, samples: int) -> Tensor:
        """What of a trace is the synapse's, [B] or [1]; one that has not begun is 0."""
        if trace is None:
            return torch.zeros(samples, dtype=F64)
        if place == "sample":
            return trace
        if place == "synapse":
            return trace[..., self.at[0], self.at[1]].reshape(-1)
        return trace[:, self.sides[0] if place == "post" else self.sides[1]]
