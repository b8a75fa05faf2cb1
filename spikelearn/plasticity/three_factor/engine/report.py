"""Which trace each weight of a network gets from a rule, and what it keeps, or why there is none."""

import math
from dataclasses import dataclass

from torch import nn

from spikelearn.network import Network
from spikelearn.neurons import Neuron
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.base import Rule
from spikelearn.plasticity.three_factor.engine.followed_edge import readout_memory
from spikelearn.plasticity.three_factor.engine.slopes import followed
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.traces.base import Trace
from spikelearn.plasticity.three_factor.traces.closed import ThroughTime
from spikelearn.plasticity.three_factor.traces.pre import PreTrace
from spikelearn.plasticity.three_factor.traces.pre_post import PrePostTrace
from spikelearn.synapses import trainable


@dataclass(frozen=True)
class WeightTrace:
    """The trace of one parameter.

    Args:
        trace: its name; "" where there is none.
        kept: numbers kept for each sample, whatever the number of steps; None: the record of every step.
        words: what it follows, or why there is none.
    """

    trace: str
    kept: int | None
    words: str


def traces_of(rule: Rule, network: Network) -> dict[str, WeightTrace]:
    """{parameter: its trace} under ``rule``, of all parameters of ``network``.

    Raises:
        ValueError: a network that the rule cannot train; one that begins with an image of unknown size.
    """
    rule.check(network)
    traces = {name: _none(rule, network, name) for name, _ in network.named_parameters()}
    if isinstance(rule, ThreeFactor):
        shapes = neuron_shapes(rule.name, network)
        for prefix, synapse in network.synapses().items():
            for name, parameter in trainable(synapse).items():
                if prefix + name in rule.learned(network):
                    traces[prefix + name] = _of_edge(rule, network, prefix, name, parameter, shapes)
    return traces


def _none(rule: Rule, network: Network, name: str) -> WeightTrace:
    """The reason why a parameter has no trace; "" where it has one."""
    if not network.get_parameter(name).requires_grad:
        return WeightTrace("", 0, "it is frozen")
    if not isinstance(rule, ThreeFactor):
        return WeightTrace("", None, f"{rule.name} is not made of a signal and a trace")
    if name not in rule.learned(network):
        return WeightTrace("", 0, f"{rule.name} does not change it")
    return WeightTrace("", None, "the readout learns by the derivative of the loss itself")


def _of_edge(
    rule: ThreeFactor,
    network: Network,
    prefix: str,
    name: str,
    parameter: nn.Parameter,
    shapes: dict[str, tuple[int, ...]],
) -> WeightTrace:
    trace, stepped = rule.trace, rule.form == "step"
    place = network.currents()[prefix]
    block = place.partition(".")[0]
    neuron, shape = network.blocks[block].neuron, shapes[block]
    # A bias meets one input that is always 1.
    fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
    neurons, positions = math.prod(shape), math.prod(shape[1:])
    if not isinstance(trace, ThroughTime):
        follows, words = _of_input(trace, name, neuron, read=block in network.outputs)
        kept = positions * fan_in * follows
        if follows and isinstance(trace, PrePostTrace) and block not in network.outputs:
            kept += neurons
            words += f"; derivatives behind it, {trace.decay_post:.4g} per step"
        return WeightTrace(trace.name, kept if stepped else None, words)
    kind, carrier = trace.carried_by(rule.adjoint, neuron)
    if not stepped:
        return WeightTrace(kind, None, "by differentiation of the block through time")
    fields = followed(rule.adjoint, neuron, place.partition(".")[2] or network.blocks[block].current)
    weights = len(fields) if carrier.per_weight is None else carrier.per_weight
    kept = carrier.per_input * positions * fan_in + weights * neurons * fan_in
    told = [f"{', '.join(fields)} of the neuron's state" if kind == "derived" else "in closed form"]
    if "error" in rule.signal.factors and block not in network.outputs and (memory := readout_memory(network)):
        kept += neurons * fan_in
        told.append(f"low-passed by the readout, {memory.decay:.4g} per step")
    return WeightTrace(kind, kept, ", ".join(told))


def _of_input(trace: Trace, parameter: str, neuron: Neuron, *, read: bool) -> tuple[bool, str]:
    """Tell whether the past of what meets a weight is kept, and what of it counts; ``read``: the neuron is."""
    if not isinstance(trace, PreTrace):
        return False, "what meets the weight at the step itself"
    if parameter.rpartition(".")[2] == "bias":
        return False, "a bias has no trace, but the factor 1"
    given = trace.decay_read if read and isinstance(trace, PrePostTrace) else trace.decay
    decay = getattr(neuron, "decay_mem", None) if given is None else given
    return True, f"what meets the weight, {decay:.4g} per step"
