"""Learning rules: they read activity and yield the changes they wish; they write nothing."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikelearn.checks import one_of
from spikelearn.events import share_active
from spikelearn.network import READOUTS, FittedReadout, Network, Record
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.batch import Batch as Batch
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses.base import Loss
from spikelearn.plasticity.requires import Need, OneChannel, StaticEdges, Values, check_needs
from spikelearn.registry import Registry
from spikelearn.tasks import Task

Memory = dict[str, Tensor]


@dataclass(frozen=True)
class Update:
    """The changes that a rule wishes after one look at a batch.

    Args:
        grads: {parameter: minus the desired change}, mean over the batch, sum over time, linear in the samples.
        scores: class scores, [B, classes]; for other tasks what is compared with the targets, [B, n] or [T, B, n].
        loss: the number that the rule descends, if it has one; scalar.
        own: {memory tensor: minus the desired change} for what the rule itself learns.
        buffers: {network buffer: new value}.
        memory: {memory tensor: new value}, for what the rule only keeps.
        rates: {block: mean firing rate, spikes per step}, a measurement.
        metrics: {name: number} of the rule's own, a measurement; averaged over an epoch and shown with it.
    """

    grads: dict[str, Tensor]
    scores: Tensor
    loss: Tensor | None = None
    own: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    memory: dict[str, Tensor] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerChoice:
    """An optimizer by name (``training.OPTIMIZERS``), its learning rate and its options."""

    name: str
    lr: float
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([f"{self.name} lr={self.lr:g}", *(f"{k}={v}" for k, v in self.options.items())])


@dataclass(frozen=True)
class Part:
    """A rule that changes one part of a network, and how its changes are applied; None: as the rule declares.

    Args:
        rule: the rule.
        optimizer: name of the optimizer.
        lr: learning rate, in the unit that the optimizer gives it.
        optimizer_option: options of the optimizer.
        schedule: name of the learning rate's schedule.
        clip_norm: largest norm of the part's gradients together, unit of gradient; inf: no clipping.
        bounds: lowest and highest weight of the part.
    """

    rule: "Rule"
    optimizer: str | None = None
    lr: float | None = None
    optimizer_option: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    clip_norm: float | None = None
    bounds: tuple[float, float] | None = None

    def filled(self, choices: Mapping[str, Any]) -> "Part":
        """The part with those of ``choices`` that it does not make itself."""
        return replace(self, **{name: value for name, value in choices.items() if getattr(self, name) in (None, {})})


class RuleWarning(UserWarning):
    """A rule that can train a network, but will learn little there."""


class Rule(ABC):
    """A learning rule: how the network is run, and which changes follow.

    A rule never writes parameters, buffers or memory, never owns an optimizer and never loops over epochs. The
    number of updates and their keys do not depend on the data.
    """

    #: The name under which the rule is registered; ``RULES.register`` sets it.
    name: ClassVar[str] = "the rule"
    #: Names of the tasks that the rule can learn (``tasks.TASKS``); None: every one that its loss serves.
    takes: ClassVar[frozenset[str] | None] = frozenset({"classify"})
    #: Whether the rule is the control of a comparison: hidden blocks keep their initial weights.
    control: ClassVar[bool] = False
    #: Settings under which the rule learns, {flag's name: value}, for a run that names none; none of them is a need.
    default_settings: ClassVar[Values] = {}
    #: The same where the readout is fitted to records, which a rule needs no teacher for; None: ``default_settings``.
    fitted_settings: ClassVar[Values | None] = None
    #: The optimizer under which the rule means what its source says; every result prints the one used.
    default_optimizer: OptimizerChoice = OptimizerChoice("adam", 1e-3)
    #: The optimizer of the tensors that the rule itself learns (``Update.own``); None: it learns none.
    default_own_optimizer: OptimizerChoice | None = None
    #: Whether the network's own optimizer steps what the rule itself learns too, by one learning rate and decay.
    own_as_network: bool = False
    #: Why gradients cannot be clipped by their norm, a phrase behind the rule's name; "": they can.
    unclipped: str = ""
    #: How the learning rate runs, by name (``training.SCHEDULES``).
    default_schedule: ClassVar[str] = "constant"
    #: Lowest and highest weight; None: no bounds.
    default_bounds: ClassVar[tuple[float, float] | None] = None
    #: Largest norm of all gradients together, to which larger ones are scaled; None: no clipping.
    default_clip_norm: ClassVar[float | None] = None
    #: Whether learning rate and clipping are meant for the sum over the batch, as some papers have it: ``learn``
    #: then multiplies the mean by the number of samples before the optimizer sees it.
    sums_over_batch: ClassVar[bool] = False
    #: Whether steps that ``Batch.lengths`` or ``Batch.valid`` leave out have no part in its updates.
    leaves_out_steps: ClassVar[bool] = False
    #: Whether neurons may take several channels of current each, which are more than their spikes.
    takes_channels: ClassVar[bool] = False
    #: Whether weights may meet more than one step of their source: delays of single connections, releases.
    takes_dynamics: ClassVar[bool] = False
    #: The loss that the rule descends; None: it descends none.
    loss: Loss | None = None
    #: How a derivative crosses the rule's neurons; None: it takes none.
    adjoint: Adjoint | None = None

    #: Names of options that count batches at the start in which no weight of the network learns.
    resting_options: ClassVar[tuple[str, ...]] = ()

    #: What a file of an exported network cannot say of a rule that predicts otherwise than step by step; "": nothing.
    stepped: ClassVar[str] = ""

    #: {name: part} of a rule that is made of several, each with an optimizer of its own; {}: it is one.
    parts: Mapping[str, Part] = {}

    @property
    def supervised(self) -> bool:
        """True if the rule uses the targets."""
        return True

    @property
    def requires(self) -> tuple[Need, ...]:
        """The needs that a network must meet for this rule; a rule whose needs depend on no option sets a tuple."""
        return ()

    @property
    def factors(self) -> Factors | None:
        """The factors of a synapse's change into a hidden block, or into the last one where no other learns.

        None: not declared. ``measure.locality`` finds it by running the rule.
        """
        return None

    def check(self, network: Network) -> None:
        """Raise ValueError, with the reason and the cure, where this rule cannot train ``network``."""
        further: tuple[Need, ...] = () if self.takes_channels else (OneChannel(),)
        further += () if self.takes_dynamics else (StaticEdges(),)
        check_needs(self.name, (*further, *self.requires), network)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """The rule's memory: tensors only, all at once, drawn from ``generator``."""
        self.check(network)
        return {}

    @classmethod
    def settings_with(cls, readout: str | None) -> Values:
        """Settings under which the rule learns, with the readout of that name."""
        fitted = readout is not None and issubclass(READOUTS.get(readout), FittedReadout)
        return cls.fitted_settings if fitted and cls.fitted_settings is not None else cls.default_settings

    @classmethod
    def resolved(cls, options: Values) -> Values:
        """Options that stand by themselves: with what a file holds in place of its name; here as they are.

        The settings of a run go through it, so that the run does not depend on files elsewhere.
        """
        return options

    def names_of(self, network: Network) -> dict[str, list[str]]:
        """{part: names of the parameters that are its own}; {} where the rule is one."""
        return {}

    @abstractmethod
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        """Look at one batch and yield one or more updates, each to be applied before the next is asked for."""

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """All that the rule draws by sample, {name: [B, ...]}: masks of dropout, noise, tangents, negatives.

        It depends on shapes and not on targets. Processes that share a batch call it for the whole batch, and each
        takes its own rows: so ``updates`` draws by sample through ``drawn`` alone, before anything else from
        ``generator``.
        """
        return {}

    def drawn(self, network: Network, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The draws for a batch: the rows that were handed out with it, else drawn now."""
        return batch.draws or self.draws(network, batch, generator)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """Scores [B, classes] by which samples are classified; here the network's readout of one run.

        A rule that predicts otherwise, as from one run for each class, overrides it: validation, test, ``evaluate`` and
        comparisons then ask it.

        Args:
            network: in evaluation mode, inside a presentation.
            inputs: [T, B, ...].
            memory: the rule's.
            valid: steps that count, bool [T, B]; None: all.
        """
        return network.scores(network.run(inputs)[0], valid)

    def read(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        """What a fitted readout reads of samples, [B, units]; here that of one run. Arguments as of ``scores``."""
        readout, output = network.readout, network.run(inputs)[0].output
        assert isinstance(readout, FittedReadout)
        return readout.read(output) if valid is None else readout.read_valid(output, valid)

    def predicting(self, network: Network, memory: Memory) -> tuple["Rule", Memory]:
        """The rule whose ``scores`` predict, with its memory: the rule itself, or that of the part that is read."""
        return self, memory

    def remarks(self, batch: Batch) -> list[str]:
        """Sentences for the user, each with its cure, on the first batch that is learned from."""
        return []

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        """Sentences for the user, each with its cure, on an epoch's mean of the rule's own metrics."""
        return []


RULES = Registry("rule", Rule)

#: Rules that a message names for a task, at most.
NAMED = 4


def check_task(rule: Rule, task: Task) -> None:
    """Raise ValueError where ``rule`` cannot learn ``task``, or the loss that it descends does not serve it."""
    if rule.takes is not None and task.name not in rule.takes:
        others = [name for name in RULES if (takes := RULES.get(name).takes) is None or task.name in takes]
        raise ValueError(
            f"{rule.name} learns {one_of(task.name, sorted(rule.takes))}, but the task is {task.name!r}: train with "
            f"{_among(others)}, and a loss that serves it"
        )
    if rule.loss is not None:
        rule.loss.check_task(task)


def check_takes(rule: Rule, batch: Batch) -> None:
    """Raise ValueError where ``rule`` cannot learn the task of ``batch``, or not without the steps left out."""
    check_task(rule, batch.task)
    if not rule.leaves_out_steps and (batch.lengths is not None or batch.valid is not None):
        others = [name for name in RULES if RULES.get(name).leaves_out_steps]
        raise ValueError(
            f"{rule.name} learns from every step, but lengths or valid leave some out: cut the samples to one length, "
            f"or train with {_among(others)}"
        )


def _among(rules: Sequence[str]) -> str:
    """The first of many rules by name, bptt before all others."""
    first = sorted(rules, key=lambda name: name != "bptt")
    more = [f"one of {len(first) - NAMED} others"] if len(first) > NAMED else []
    return " or ".join([*first[:NAMED], *more])


def firing_rates(network: Network, record: Record) -> dict[str, float]:
    """Mean firing rate of every block whose neurons fire, spikes per step and neuron."""
    firing = [name for name, block in network.blocks.items() if block.neuron.fires]
    return {name: record.rates[name] if name in record.rates else share_active(record[name].spikes) for name in firing}
