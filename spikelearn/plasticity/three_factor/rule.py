"""The engine of three-factor rules: a learning signal, the spikes' derivative and a trace meet at each synapse."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_instance
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.gradient.base import GradientRule, named_gradients
from spikelearn.plasticity.gradient.budgeted import budget_of, budgeted_update, pieces_need
from spikelearn.plasticity.requires import Need, SomethingToLearn
from spikelearn.plasticity.three_factor.engine.behind import Senders, senders, steps_before
from spikelearn.plasticity.three_factor.engine.blockwise import Blockwise
from spikelearn.plasticity.three_factor.engine.eligibility_walk import EligibilityWalk
from spikelearn.plasticity.three_factor.engine.pairs import Parts, check_pairs, pair_needs
from spikelearn.plasticity.three_factor.engine.plain_sequence import PlainSequence
from spikelearn.plasticity.three_factor.engine.plain_walk import PlainWalk, fits
from spikelearn.plasticity.three_factor.engine.rate_regulariser import RateRegulariser
from spikelearn.plasticity.three_factor.engine.steps import step_needs
from spikelearn.plasticity.three_factor.engine.walk import (
    Walk,
    before_mask,
    edges_of,
    every_current,
    heard,
    masked_behind,
    sent_of,
    step_shares,
    zero_currents,
)
from spikelearn.plasticity.three_factor.signals import Signal, Spatial
from spikelearn.plasticity.three_factor.signals.base import Local, Pulled, Sent
from spikelearn.plasticity.three_factor.traces import PreTrace, Trace
from spikelearn.plasticity.three_factor.traces.base import Edge
from spikelearn.plasticity.three_factor.traces.closed import ThroughTime

Form = Literal["sequence", "step"]


@RULES.register("three-factor")
class ThreeFactor(GradientRule):
    r"""A learning signal m, the derivative $\psi$ of the spikes and a trace of what met the weights, at every synapse.

    $$\Delta W_l \propto -\sum_t (m_l[t]\, \psi_l[t]) \otimes \mathrm{tr}_l[t]$$

    The signal stands for $\partial L/\partial s_l[t]$ of every hidden block; the last block and the readout learn by
    the derivative of the loss itself, with the same trace. The forms give the same numbers: "sequence" runs all steps
    and then differentiates, "step" goes step by step, and keeps traces and sums only, whatever the number of steps.

    Args:
        signal: where m comes from: ``spatial``, ``feedback``, ``direct``, ...; it brings the loss.
        trace: how the past enters: ``pre``, ``instant``, ``eligibility``, ... (dimensionless).
        adjoint: how a derivative crosses a neuron, $\psi$; default ATan with $\alpha$ = 2 (per unit of potential).
        form: "sequence" or "step".
        memory_budget: as in ``bptt``, MiB, where errors pass from block to block and the trace is no factor of its own
            (``eligibility``, ``instant``); None: no bound.
        regulariser: a pull of hidden firing rates to a target; None: none.

    Shapes: inputs [T, B, ...], targets [B]; m shaped like a block's spikes; gradients shaped like their parameters.

    Raises:
        ValueError: as signal and trace; parts that make no sense together (``pairs.PAIRS``); the form "step" with a
            loss that is no mean over steps, a readout that learns, batch statistics, synapses that are not linear from
            their weights on, or errors that a delay or a feedback edge would carry to an earlier step; a memory budget
            where the record is looked at as a whole.

    Source: Bellec et al., Nature Communications 11, 2020; the three factors: Fremaux & Gerstner, Frontiers in Neural
    Circuits 9, 2016.
    """

    #: How many steps at the end count in the loss; None: all.
    last_steps: int | None = None
    #: The run that goes step by step, where the trace is not one through time.
    walks: type[Walk] = Walk

    def __init__(
        self,
        signal: Signal = Spatial(),
        trace: Trace = PreTrace(),
        adjoint: Adjoint = Surrogate(ATan()),
        *,
        form: Form = "sequence",
        memory_budget: float | None = None,
        regulariser: RateRegulariser | None = None,
    ) -> None:
        check_instance("signal", signal, Signal, "for example signal=Spatial()")
        check_instance("trace", trace, Trace, "for example trace=PreTrace(0.9)")
        check_choice("form", form, get_args(Form))
        super().__init__(signal.loss, adjoint)
        self.signal, self.trace, self.form = signal, trace, form
        self.default_own_optimizer, self.own_as_network = signal.own_optimizer, signal.own_as_network
        self.unclipped = signal.unclipped
        self.memory_budget = budget_of(memory_budget)
        self.regulariser = regulariser if regulariser is not None and regulariser.strength else None
        check_pairs(self.name, self.pair)
        if memory_budget is not None and not self._differentiates_the_run:
            raise ValueError(
                "memory_budget bounds what the derivative of a run keeps, but here errors of blocks or steps are asked "
                "for: leave it out, or use signal=spatial or feedback with trace=eligibility and form=sequence"
            )

    @property
    def pair(self) -> Parts:
        """The parts that are checked to make sense together."""
        return Parts(self.signal, self.trace, self.adjoint, self.form == "step", self.regulariser is not None)

    @property
    def _differentiates_the_run(self) -> bool:
        """True if the changes are the derivative of one run, so that no error in between is looked at."""
        return self.form == "sequence" and not self.signal.cut and not self.trace.is_factor

    @property
    def factors(self) -> Factors:
        needed = LOCAL | self.signal.factors
        return needed if self.form == "step" else needed | {"record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        learned = SomethingToLearn(among=self.learned)
        stepped = step_needs(self.signal, self.trace) if self.form == "step" else ()
        pieces = pieces_need(self.memory_budget, self.trace.adjoint(self.adjoint))
        return *self.signal.requires, learned, *self.trace.requires, *pair_needs(self.pair), *stepped, *pieces

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The signal's weights on the way back."""
        self.check(network)
        return self.signal.init(network, generator)

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        names = self.learned(network)
        batch = replace(batch, draws=self.drawn(network, batch, generator))
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            counted = self.counted(len(batch.inputs), generator)
            if self._differentiates_the_run and counted is None:
                update = self._whole(network, batch, memory, names)
            else:
                form = self._sequence if self.form == "sequence" else self._step_by_step
                update = form(network, batch, memory, names, buffers, counted)
            further = self.signal.own_changes(network, batch, memory, self.trace.adjoint(self.adjoint), update.grads)
        yield replace(update, own=update.own | further)

    def counted(self, steps: int, generator: torch.Generator) -> Tensor | None:
        """Steps whose loss is descended, bool [T]; None: all."""
        if self.last_steps is None:
            return None
        return torch.arange(steps, device=generator.device) >= steps - self.last_steps

    def shares(self, counted: Tensor | None, steps: int) -> list[float]:
        """Share of every step's loss in that of the whole."""
        if counted is None:
            return [1.0 / steps] * steps
        return [float(counts) / int(counted.sum()) for counts in counted.tolist()]

    def told(self, counted: Tensor | None, steps: int) -> tuple[Tensor | None, list[float]]:
        """Steps at which the signal tells hidden blocks something, bool [T], and the share of each step; None: all.

        Here those whose loss is descended. A rule may have blocks learn by losses of their own at other steps too.
        """
        return counted, self.shares(counted, steps)

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The signal's draws by sample."""
        return self.signal.draws(network, batch, generator)

    def _whole(self, network: Network, batch: Batch, memory: Memory, names: list[str]) -> Update:
        """The derivative of the run, of which no more is kept than it needs."""
        adjoint = self.trace.adjoint(self.adjoint)
        # Within the caller's presentation reparametrised weights are known before the run.
        with self.signal.crossing(network, batch.inputs, memory):
            return budgeted_update(network, batch, self.loss, adjoint, names, self.memory_budget)

    def _sequence(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        names: list[str],
        buffers: dict[str, Tensor],
        counted: Tensor | None,
    ) -> Update:
        """The whole record at once, or block after block where each learns from what it did itself."""
        whole = 1.0 if counted is None else sum(self.shares(counted, len(counted)))
        looks = self.trace.looks_behind
        if isinstance(self.signal, Local) and not network.feedback and self.regulariser is None and not looks:
            parts = (self.signal, self.trace, self.adjoint)
            return Blockwise(*parts, network, batch, memory, counted, whole).update(names, buffers)
        if self.regulariser is None and fits(network, batch, self.signal, self.trace, self.adjoint):
            assert isinstance(self.trace, PreTrace)
            plain = PlainSequence(self.loss, self.trace, self.adjoint, network, batch, counted, whole)
            return replace(plain.update(names), buffers=buffers)
        currents = zero_currents(network, batch.inputs, self._places(network, batch.inputs))
        with self.signal.crossing(network, batch.inputs, memory):
            adjoint = self.trace.adjoint(self.adjoint)
            record, _ = network.run(
                batch.inputs, adjoint=adjoint, inject=currents, masks=batch.masks, cut=self.signal.cut
            )
        rates, errors = firing_rates(network, record), record.errors
        scores = network.scores(record, batch.valid_steps)
        value = self.loss.of(heard(batch, counted), record.output, scores)
        value = value if counted is None else value * whole
        heard_at, each = self.told(counted, len(batch.inputs))
        shares = step_shares(network, batch, heard_at, whole if heard_at is counted else sum(each))
        sent, pull = sent_of(self.signal, network, batch, record, currents, shares), None
        sent = sent._replace(scores=scores.detach())
        if self.regulariser:
            fired = {name: spikes.detach().mean((0, 1)) for name, spikes in sent.spikes.items()}
            pull = self.regulariser.loss(network, fired)
            sent = sent._replace(more=self.regulariser.errors(network, fired, batch.inputs.shape[:2].numel()))
        edges = edges_of(network, record) if self.trace.is_factor else {}
        behind = senders(self.trace, network, record, currents)
        # From here on potentials live only as long as the backward pass needs them.
        del record
        grads, pulled = self._gradients(network, names, value, sent, currents, edges, behind, memory)
        metrics = {f"active_errors_{name}": count.share for name, count in errors.items() if count.share is not None}
        metrics |= pulled.metrics
        loss = value.detach() if pull is None else value.detach() + pull
        return Update(grads, scores.detach(), loss, own=pulled.own, buffers=buffers, rates=rates, metrics=metrics)

    def _gradients(
        self,
        network: Network,
        names: list[str],
        value: Tensor,
        sent: Sent,
        currents: Mapping[str, Tensor],
        edges: Mapping[str, tuple[str, Edge]],
        behind: Senders,
        memory: Memory,
    ) -> tuple[dict[str, Tensor], Pulled]:
        """{parameter: gradient} of a sequence, and what the signal made of it.

        Gradients are formed by autograd within blocks, or as a product of factors at each edge.
        """
        if not self.trace.is_factor:
            points = [network.get_parameter(name) for name in names]
            pulled = self.signal.pull(value, points, sent, memory)
            return named_gradients(self.loss, names, pulled.at), pulled
        top = [name for name in names if name.startswith("readout.")]
        places: list[Tensor] = [*currents.values(), *(network.get_parameter(name) for name in top)]
        pulled = self.signal.pull(value, [*places, *behind.spikes.values()], sent, memory)
        arrived = dict(zip([*currents, *top], pulled.at, strict=False))
        before = {place: steps_before(self.trace.follow_slopes(slope)) for place, slope in behind.slopes.items()}
        there = behind.behind(pulled.at[len(places) :], before)
        gradients = {name: arrived[name] for name in top}
        for prefix, (target, edge) in edges.items():
            if (error := arrived[target]) is not None:
                met = masked_behind(sent.batch, prefix, there.get(target))
                grads = self.trace.correlate(edge, before_mask(sent.batch, prefix, error), met)
                gradients |= {prefix + name: grad for name, grad in grads.items()}
        return named_gradients(self.loss, names, [gradients.get(name) for name in names]), pulled

    def _step_by_step(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        names: list[str],
        buffers: dict[str, Tensor],
        counted: Tensor | None,
    ) -> Update:
        """Step after step; what is kept does not grow with their number."""
        walk = self.walk(network, batch, memory, counted)
        totals: dict[str, Tensor] = {}
        own: dict[str, Tensor] = {}
        metrics: dict[str, float] = {}
        for t in range(len(batch.inputs)):
            step = walk.step(t)
            _add(totals, step.grads)
            own = {name: own[name] + change if name in own else change for name, change in step.own.items()} or own
            for name, value in step.metrics.items():
                metrics[name] = metrics.get(name, 0.0) + value
        _add(totals, walk.rest())
        grads = named_gradients(self.loss, names, [totals.get(name) for name in names])
        seen = walk.seen
        return Update(grads, seen.scores(), walk.loss, own=own, buffers=buffers, rates=seen.rates(), metrics=metrics)

    def walk(self, network: Network, batch: Batch, memory: Memory, counted: Tensor | None) -> Walk:
        """The run of a batch, step by step.

        Raises:
            ValueError: steps that are left out.
        """
        if batch.valid_steps is not None:
            raise ValueError(
                f"{self.name} goes step by step, but lengths or valid leave some out: use form=sequence, or cut the "
                "samples to one length"
            )
        steps = len(batch.inputs)
        shares, told = self.shares(counted, steps), self.told(counted, steps)[1]
        names = self.learned(network)
        if isinstance(self.trace, ThroughTime):
            return EligibilityWalk(
                self.signal, self.trace, self.adjoint, network, batch, memory, names, shares, self.regulariser
            )
        plain = self.walks is Walk and told == shares
        plain = plain and fits(network, batch, self.signal, self.trace, self.adjoint)
        walks = PlainWalk if plain else self.walks
        return walks(self.signal, self.trace, self.adjoint, network, batch, memory, names, shares, told)

    def _places(self, network: Network, inputs: Tensor) -> dict[str, tuple[int, ...]]:
        """The points of a sequence at which errors are asked for."""
        if self.trace.is_factor:
            return every_current(network, inputs)
        shapes = network.shapes(inputs[0, :1])
        return {name: shapes[name] for name in network.outputs} if self.signal.cut else {}


def _add(totals: dict[str, Tensor], changes: Mapping[str, Tensor]) -> None:
    for name, change in changes.items():
        totals[name] = totals[name].add_(change) if name in totals else change
