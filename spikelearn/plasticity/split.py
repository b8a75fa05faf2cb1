"""Several rules on one network, each on blocks of its own."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from spikelearn.checks import check_instance, one_of
from spikelearn.component_text import name_in, options_in, parse_value
from spikelearn.network import Network, learning_only
from spikelearn.plasticity.base import RULES, Batch, Memory, Part, Rule, Update, check_takes
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.requires import Need, Values
from spikelearn.plasticity.three_factor.dfa import DFA

T = TypeVar("T")

#: The part of all blocks that no other part names, and that of the block which the readout reads.
REST, LAST = "rest", "last"

#: Choices of a part in plain values, beside its rule.
CHOICES = ("optimizer", "lr", "schedule", "clip_norm", "low", "high")


@RULES.register("split")
class Split(Rule):
    r"""One rule on some blocks and others on the rest, each with its own optimizer, learning rate, schedule and bounds.

    $$\Delta\theta_p \propto -g_p(\theta_1, \ldots, \theta_P)$$

    Every part p runs its own rule on the whole network as it is, in which the parameters of the other parts are frozen,
    and of the changes $g_p$ that it wishes those of its own blocks $\theta_p$ are applied, all in one step. A block
    brings its synapse and the edges that end in it; the readout's parameters belong to the block that is read.
    Scores, loss and firing rates are those of the part with that block; metrics, and the losses of the other parts,
    carry the part's name. A part's memory is named ``<part>.<name>``. Where rules yield several updates a batch, the
    first ones are applied together, then the second ones.

    Nothing crosses from part to part but spikes and the weights that a part's rule looks at: ``bptt`` below ``stdp``
    carries errors back through the blocks above, which learn otherwise.

    Args:
        parts: {blocks: rule, or ``Part`` with choices of its own}; blocks are a name, several joined by ``+``, ``last``
            (the blocks that the readout reads) or ``rest`` (all that no other part names); None: ``dfa`` on the rest,
            ``bptt`` on the last, which is ``dfa`` itself.
        options: the same as keywords, also in plain values: ``rest="stdp:a_plus=0.001"``, and with a dot the choices of
            a part: ``rest.optimizer``, ``rest.lr`` (unit of the optimizer), ``rest.schedule``, ``rest.clip_norm`` (unit
            of gradient), ``rest.low`` and ``rest.high`` (bounds, unit of weight).

    Shapes: inputs [T, B, ...], targets [B]; as the rules of the parts.

    Raises:
        ValueError: no part, a block that two parts name or that the network lacks, trainable parameters that no part
            has, a part without any; and all that a part's rule refuses.

    Source: Illing, Gerstner & Brea, Neural Networks 118, 2019: hidden layers by a local rule, the output by another.
    deviation: all parts learn at the same time.
    """

    takes = None
    leaves_out_steps = True
    takes_channels = True
    takes_dynamics = True

    def __init__(self, parts: Mapping[str, Rule | Part] | None = None, **options: Any) -> None:
        given = {**(parts or {}), **{k: v for k, v in options.items() if "." not in k}}
        choices = _choices({k: v for k, v in options.items() if "." in k})
        given = given or {REST: DFA(), LAST: BPTT()}
        for name in choices:
            if name not in given:
                raise ValueError(
                    f"{name}.{next(iter(choices[name]))} is of no part, expected {one_of(name, list(given))}"
                )
        self.parts = {name: _part(name, rule, choices.get(name, {})) for name, rule in given.items()}

    @property
    def supervised(self) -> bool:
        return any(part.rule.supervised for part in self.parts.values())

    @property
    def factors(self) -> Factors | None:
        """The factors of the rest's rule, else of the first part's; records are kept for all parts."""
        hidden = self.parts.get(REST, next(iter(self.parts.values()))).rule.factors
        kept = any("record" in (part.rule.factors or ()) for part in self.parts.values())
        return None if hidden is None else hidden | {"record"} if kept else hidden

    def names_of(self, network: Network) -> dict[str, list[str]]:
        owners = self._owners(network)
        names: dict[str, list[str]] = {name: [] for name in self.parts}
        for parameter, tensor in network.named_parameters():
            owner = owners.get(block_of(network, parameter))
            if owner is not None:
                names[owner].append(parameter)
            elif tensor.requires_grad:
                raise ValueError(
                    f"{parameter} belongs to no part of {list(self.parts)}: name its block, give all others to a rule "
                    f"under {REST!r}, or freeze it"
                )
        return names

    def _owners(self, network: Network) -> dict[str, str]:
        """{block: part}."""
        owners: dict[str, str] = {}
        for part in self.parts:
            if part == REST:
                continue
            for word in part.split("+"):
                for block in network.outputs if word == LAST else (word,):
                    if block not in network.blocks:
                        raise ValueError(
                            f"split names block {block!r}, expected {one_of(block, [*network.blocks, LAST, REST])}"
                        )
                    if block in owners:
                        raise ValueError(
                            f"block {block!r} belongs to the parts {owners[block]!r} and {part!r}: name it once"
                        )
                    owners[block] = part
        if REST in self.parts:
            owners |= {block: REST for block in network.blocks if block not in owners}
        return owners

    @property
    def requires(self) -> tuple[Need, ...]:
        return tuple(_Needs(self, name) for name in self.parts)

    def check(self, network: Network) -> None:
        for name, own in self.names_of(network).items():
            if not any(network.get_parameter(parameter).requires_grad for parameter in own):
                raise ValueError(f"part {name!r} has no trainable parameter: drop it, or let its blocks learn")
        super().check(network)

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        self.check(network)
        memory: Memory = {}
        for name, own in self.names_of(network).items():
            with learning_only(network, own):
                drawn = self.parts[name].rule.init(network, generator)
            memory |= {f"{name}.{key}": value for key, value in drawn.items()}
        return memory

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        names, drawn = self.names_of(network), self.drawn(network, batch, generator)
        running = {}
        for name, part in self.parts.items():
            check_takes(part.rule, batch)
            own = replace(batch, draws=_of_part(name, drawn)) if drawn else batch
            running[name] = part.rule.updates(network, own, _of_part(name, memory), generator)
        reads = self._owners(network)[last_block(network)]
        last: Update | None = None
        while running:
            wished: dict[str, Update] = {}
            for name in list(running):
                with learning_only(network, names[name]):
                    update = next(running[name], None)
                if update is None:
                    del running[name]
                else:
                    wished[name] = update
            last = wished.get(reads, last)
            if wished:
                yield self._joined(network, names, wished, reads, last)

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The draws of the parts' rules, part after part."""
        return {
            f"{name}.{key}": value
            for name, part in self.parts.items()
            for key, value in part.rule.draws(network, batch, generator).items()
        }

    def predicting(self, network: Network, memory: Memory) -> tuple[Rule, Memory]:
        reads = self._owners(network).get(last_block(network))
        return (self, memory) if reads is None else (self.parts[reads].rule, _of_part(reads, memory))

    def warnings(self, metrics: Mapping[str, float]) -> list[str]:
        """What the parts' rules say of their own metrics, each behind the part's name."""
        return [
            f"part {name!r}: {words}"
            for name, part in self.parts.items()
            for words in part.rule.warnings(_of_part(name, metrics))
        ]

    def _joined(
        self,
        network: Network,
        names: Mapping[str, list[str]],
        wished: Mapping[str, Update],
        reads: str,
        last: Update | None,
    ) -> Update:
        """Join the parts' updates, each for its own blocks, into one; ``last`` is the readout's."""
        if last is None:
            raise ValueError(f"part {reads!r} yielded no update, and so no scores: a rule must yield one a batch")
        owners = self._owners(network)
        tensors: dict[str, dict[str, Tensor]] = {"grads": {}, "buffers": {}, "own": {}, "memory": {}}
        metrics: dict[str, float] = {}
        for name, update in wished.items():
            tensors["grads"] |= {key: update.grads[key] for key in update.grads if key in names[name]}
            mine = {key: value for key, value in update.buffers.items() if owners[block_of(network, key)] == name}
            tensors["buffers"] |= mine
            tensors["own"] |= {f"{name}.{key}": value for key, value in update.own.items()}
            tensors["memory"] |= {f"{name}.{key}": value for key, value in update.memory.items()}
            metrics |= {f"{name}.{key}": value for key, value in update.metrics.items()}
            if name != reads and update.loss is not None:
                metrics[f"{name}.loss"] = float(update.loss)
        loss = wished[reads].loss if reads in wished else last.loss
        return Update(**tensors, scores=last.scores, loss=loss, rates=last.rates, metrics=metrics)


@dataclass(frozen=True)
class _Needs(Need):
    """The needs of a part's rule, with the parameters of the other parts frozen."""

    split: Split
    part: str

    @property
    def rule(self) -> Rule:
        return self.split.parts[self.part].rule

    @property
    def settings(self) -> Values:
        return _together(need.settings for need in self.rule.requires)

    @property
    def still(self) -> Values:
        return _together(need.still for need in self.rule.requires)

    def check(self, network: Network, rule: str) -> None:
        with learning_only(network, self.split.names_of(network)[self.part]):
            try:
                self.rule.check(network)
            except ValueError as error:
                raise ValueError(f"part {self.part!r}: {error}") from error

    def __str__(self) -> str:
        return f"{self.part}: " + ("; ".join(map(str, self.rule.requires)) or "nothing")


def _together(several: Iterable[Values]) -> Values:
    """Settings of several needs; options of a component are joined."""
    merged: dict[str, Any] = {}
    for values in several:
        for name, value in values.items():
            merged[name] = {**merged.get(name, {}), **value} if isinstance(value, Mapping) else value
    return merged


def _of_part(name: str, values: Mapping[str, T]) -> dict[str, T]:
    """The values named ``<part>.<key>`` by their keys."""
    return {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}


def last_block(network: Network) -> str:
    """The block that the readout reads; the last one where it reads several."""
    return network.outputs[-1]


def block_of(network: Network, name: str) -> str:
    """The block that a parameter or buffer belongs to: an edge to its target, the readout to the block it reads."""
    kind, _, rest = name.partition(".")
    own = rest.partition(".")[0]
    if kind == "blocks":
        return own
    if kind == "feedforward":
        return network.feedforward[own].target
    return network.feedback[own].target if kind == "feedback" else last_block(network)


def _choices(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{part: its choices} of {"part.choice": value}."""
    choices: dict[str, dict[str, Any]] = {}
    for option, value in options.items():
        part, _, choice = option.rpartition(".")
        choice = choice.replace("-", "_")
        if choice not in CHOICES:
            raise ValueError(f"split has no option {option!r}, expected {part}. with {one_of(choice, CHOICES)}")
        choices.setdefault(part, {})[choice] = value
    return choices


def _part(name: str, given: Any, choices: dict[str, Any]) -> Part:
    """The part ``name``: a rule with its choices, in objects or in plain values."""
    given = RULES.make(given) if isinstance(given, str) else given
    part = given if isinstance(given, Part) else Part(given)
    cure = "for example STDP(), or 'stdp:a_plus=0.001'"
    check_instance(f"the rule of part {name!r}", part.rule, Rule, cure)
    if part.rule.parts:
        raise ValueError(f"part {name!r} is a split itself: name its blocks as parts of this one")
    if "low" in choices or "high" in choices:
        choices["bounds"] = (choices.pop("low", -math.inf), choices.pop("high", math.inf))
    if isinstance(choices.get("optimizer"), str):
        text = choices["optimizer"]
        written = options_in(text, lambda _: False)
        choices["optimizer"] = name_in(text)
        choices["optimizer_option"] = {key: parse_value(value) for key, value in written.items()}
    return replace(part, **choices)
