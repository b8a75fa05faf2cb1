"""Which signals, traces, forms, neurons and edges make no sense together, by number, each with a reason and a cure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from spikelearn.network import Network
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.requires import Need, Values
from spikelearn.plasticity.three_factor.engine.followed_edge import readout_memory
from spikelearn.plasticity.three_factor.engine.slopes import neurons_meet
from spikelearn.plasticity.three_factor.signals.base import Signal
from spikelearn.plasticity.three_factor.traces.base import Trace
from spikelearn.plasticity.three_factor.traces.carrier import Derived
from spikelearn.plasticity.three_factor.traces.closed import ClosedForm, ThroughTime
from spikelearn.plasticity.three_factor.traces.fan_in import check_fan_in
from spikelearn.synapses import trainable


class Parts(NamedTuple):
    """The signal, the trace and the adjoint of a three-factor rule.

    Args:
        signal, trace, adjoint: as of the rule.
        stepped: whether it goes step by step.
        regulated: whether firing rates are pulled to a target.
    """

    signal: Signal
    trace: Trace
    adjoint: Adjoint
    stepped: bool
    regulated: bool

    @property
    def carried(self) -> bool:
        """True if eligibilities are carried from step to step."""
        return self.stepped and isinstance(self.trace, ThroughTime)

    def __str__(self) -> str:
        form = "form=step" if self.stepped else "form=sequence"
        return f"signal={self.signal.name}, trace={self.trace.name}, {form}"


@dataclass(frozen=True)
class PairRule:
    """Parts that make no sense together.

    Args:
        number: by which it is cited.
        parts: what meets, a phrase.
        reason: why that makes no sense, a sentence.
        cure: what to do instead.
        meets: whether the parts of a rule are such; with ``place``, whether the network is asked.
        place: where in a network they meet, a phrase; "" where they do not. None: everywhere.
        need: of a network, in a few words, where ``place`` is given.
        settings: plain values by which a network has it.
    """

    number: int
    parts: str
    reason: str
    cure: str
    meets: Callable[[Parts], bool]
    place: Callable[[Parts, Network], str] | None = None
    need: str = ""
    settings: Values = field(default_factory=dict)

    def refusal(self, fault: str) -> ValueError:
        """The error for what was found."""
        return ValueError(f"{fault}: {self.reason}; {self.cure} (rule {self.number} of spikelearn traces --pairs)")


@dataclass(frozen=True)
class MakesSense(Need):
    """A network in which the parts of a rule do not meet as ``rule`` says."""

    rule: PairRule
    parts: Parts

    @property
    def settings(self) -> Values:
        return self.rule.settings

    def check(self, network: Network, rule: str) -> None:
        assert self.rule.place is not None
        if place := self.rule.place(self.parts, network):
            raise self.rule.refusal(f"{rule} has {self.parts}, but {place}")

    def __str__(self) -> str:
        return self.rule.need


def check_pairs(rule: str, parts: Parts) -> None:
    """Raise ValueError where the parts of a rule make no sense together, whatever the network."""
    for pair in PAIRS:
        if pair.place is None and pair.meets(parts):
            raise pair.refusal(f"{rule} has {parts}")


def pair_needs(parts: Parts) -> tuple[Need, ...]:
    """The needs of a network for the parts of a rule to make sense together."""
    return tuple(MakesSense(pair, parts) for pair in PAIRS if pair.place is not None and pair.meets(parts))


def pair_need(number: int, parts: Parts) -> Need:
    """The need of one rule of ``PAIRS``, whether the parts ask for it or not."""
    return MakesSense(next(pair for pair in PAIRS if pair.number == number), parts)


def _is_sequence_only(parts: Parts) -> bool:
    return parts.stepped and type(parts.adjoint).step is Adjoint.step


def _is_heard(parts: Parts) -> bool:
    return parts.carried and parts.signal.cut and "error" in parts.signal.factors


def _is_unmet_pull(parts: Parts) -> bool:
    return parts.regulated and not (parts.signal.cut and isinstance(parts.trace, ThroughTime))


def _is_stepped_only(parts: Parts) -> bool:
    return (parts.signal.within_step or parts.trace.own_loop) and not parts.carried


def _is_returned(parts: Parts) -> bool:
    return not (parts.stepped or parts.signal.cut or parts.trace.returns_errors)


def _returning(_parts: Parts, network: Network) -> str:
    return f"the network has feedback edges {list(network.feedback)}" if network.feedback else ""


def _without_one_memory(_parts: Parts, network: Network) -> str:
    kinds = ", ".join(f"{name!r} of {_kind(network, name)}" for name in network.outputs)
    return "" if readout_memory(network) else f"what is read is block {kinds}, without one decay that all share"


def _misfit(parts: Parts, network: Network) -> str:
    trace = parts.trace
    assert isinstance(trace, ClosedForm)
    for name in _driven(network):
        if why := trace.misfit(parts.adjoint, network.blocks[name].neuron):
            return f"the {_kind(network, name)} of block {name!r} {why}"
    return ""


def _meeting(parts: Parts, network: Network) -> str:
    trace = parts.trace
    assert isinstance(trace, ThroughTime)
    for name in _driven(network):
        neuron = network.blocks[name].neuron
        derived = trace.carried_by(parts.adjoint, neuron)[1] is Derived
        if derived and neurons_meet(parts.adjoint, neuron):
            return f"the neurons of block {name!r}, {_kind(network, name)}, meet within a step"
    return ""


def _unfollowed(_parts: Parts, network: Network) -> str:
    for prefix, synapse in network.synapses().items():
        if trainable(synapse):
            try:
                check_fan_in(synapse)
            except ValueError as error:
                return f"{prefix.rstrip('.')}, {error}"
    return ""


def _kind(network: Network, name: str) -> str:
    return type(network.blocks[name].neuron).__name__


def _driven(network: Network) -> Iterator[str]:
    """Blocks into which something learns."""
    driven = network.currents()
    learning = (prefix for prefix, synapse in network.synapses().items() if trainable(synapse))
    return iter(dict.fromkeys(driven[prefix].partition(".")[0] for prefix in learning))


PAIRS: tuple[PairRule, ...] = (
    PairRule(
        1,
        "a signal of the whole sequence, step by step",
        "that signal looks at the whole sequence, which is not there before its end",
        "use form=sequence, or another signal",
        lambda parts: parts.stepped and parts.signal.whole,
    ),
    PairRule(
        2,
        "a derivative of the whole sequence, step by step",
        "the adjoint needs the whole sequence, which is not there before its end",
        "use a surrogate (adjoint=atan), or form=sequence",
        _is_sequence_only,
    ),
    PairRule(
        3,
        "a signal that goes down block by block, and an eligibility, step by step",
        "an error that goes down would have to cross the neurons above through the time to come",
        "use trace=pre or trace=instant, a signal that is sent from the output at once (signal=direct), or "
        "form=sequence",
        lambda parts: parts.carried and not parts.signal.cut and not parts.signal.within_step,
    ),
    PairRule(
        4,
        "the sign of the output's error, and an eligibility, step by step",
        "the sign of a sum over steps is not the sum of signs, so that no memory of the readout can stand on the trace",
        "use signal=direct without sign, or form=sequence",
        lambda parts: parts.carried and parts.signal.cut and not parts.signal.linear,
    ),
    PairRule(
        5,
        "the output's error, and an eligibility, step by step, where what is read is no leaky membrane of one decay",
        "the error of a step is that of all later ones too, unless one memory without spikes can stand on the trace",
        "end in leaky integrators of one decay (--output leaky-integrator), use signal=random-target, or form=sequence",
        _is_heard,
        _without_one_memory,
        "outputs of leaky integrators with one decay",
        {"output": "leaky-integrator"},
    ),
    PairRule(
        6,
        "a closed form, and neurons of another kind",
        "that trace is not their eligibility",
        "use trace=eligibility, which follows from the step of any neuron",
        lambda parts: isinstance(parts.trace, ClosedForm),
        _misfit,
        "neurons whose eligibility the trace is",
    ),
    PairRule(
        7,
        "a derived eligibility, step by step, and neurons that meet within a step, as in a softmax",
        "a weight would reach its neuron's neighbours, for which no eligibility of its own has room",
        "use neurons each by itself, or form=sequence",
        lambda parts: parts.carried,
        _meeting,
        "neurons each by itself",
    ),
    PairRule(
        8,
        "an eligibility, step by step, and weights that are not the last layer of their synapse",
        "the eligibility of each weight is followed through one layer of weights, behind layers without any",
        "use such synapses, or form=sequence",
        lambda parts: parts.carried,
        _unfollowed,
        "synapses that end in their one layer of weights",
    ),
    PairRule(
        9,
        "a pull of firing rates, and errors that pass between blocks, or no eligibility",
        "the pull is a signal at the spikes, which meets the eligibility of their own neurons",
        "use signal=direct or signal=random-target with trace=eligibility, or no pull",
        _is_unmet_pull,
    ),
    PairRule(
        10,
        "a signal that goes down block by block, and a trace of both sides, as one sequence, with feedback edges",
        "the derivative of a run would carry the error back along them to the step before, to which that trace sends "
        "none",
        "use form=step, a signal that is sent from the output at once (signal=direct), or leave them out",
        _is_returned,
        _returning,
        "no feedback edges",
    ),
    PairRule(
        11,
        "a signal within a step, or the way of a neuron to itself, without an eligibility that is carried along",
        "both are formed step by step, of eligibilities that no derivative of a run has",
        "use form=step with trace=eligibility, or signal=spatial and no own_loop",
        _is_stepped_only,
    ),
)
