"""What a rule does to a synapse whose spikes are prescribed: its window, and its curve of the frequency of pairs."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_finite, check_positive, check_shape
from spikelearn.neurons import LIF
from spikelearn.plasticity.base import Rule
from spikelearn.plasticity.spike_timing.stepwise import Seen, StepwiseRule, Traces
from spikelearn.plasticity.spike_timing.urbanczik_senn import UrbanczikSenn

F64 = torch.float64


def prescribed_changes(
    rule: Rule, pre: Tensor, post: Tensor, weight: float | None = None, *, potential: Tensor | None = None
) -> Tensor:
    """The change of n synapses whose spikes on both sides are given; nothing of it is a formula for the window.

    A rule of reward is paid 1 at every step.

    Args:
        rule: one whose weights change at steps.
        pre, post: spikes of both sides of each synapse, one step ``rule.dt``.
        weight: at which they start; None: in the middle of the rule's bounds, or 0 where one is infinite.
        potential: of the postsynaptic neurons, unit of potential; None: it stays where a LIF neuron starts.

    Shapes: pre, post and potential [T, n]; the changes [n], float64.

    Raises:
        ValueError: a rule whose weights do not change at steps, or whose neuron must predict itself.
    """
    rule = _of_spikes(rule)
    if weight is None:
        weight = 0.5 * (rule.low + rule.high) if math.isfinite(rule.high - rule.low) else 0.0
    check_finite("weight", weight)
    neuron, size, late = LIF(dt=rule.dt), pre.shape[1], rule.dendritic_delay
    post = torch.cat([torch.zeros_like(post[:late]), post])[: len(pre)].to(F64)
    weights = torch.full((size, size), weight, dtype=F64).clamp(rule.low, rule.high)
    start, traces, reward = weights.clone(), Traces(), torch.ones(1, dtype=F64)
    if potential is None:
        potential = torch.full((1, 1), float(neuron.v_leak)).expand(pre.shape)
    check_shape("potential", potential, tuple(pre.shape), "give one at every step of every synapse")
    for met, sent, v in zip(pre.to(F64), post, potential.to(F64), strict=True):
        seen = Seen(met.unsqueeze(0), sent.unsqueeze(0), v.unsqueeze(0), None, neuron, weights, reward)
        rule.move(weights, rule.change(seen, traces))
    return (weights - start).diagonal().clone()


def stdp_window(rule: Rule, span: float = 60e-3, weight: float | None = None) -> tuple[Tensor, Tensor]:
    """The change of a weight by one spike on either side, by how much later the postsynaptic one is.

    Args:
        rule: as in ``prescribed_changes``.
        span: longest distance of the spikes, seconds; the change is that up to one span behind the later spike.
        weight: as in ``prescribed_changes``.

    Shapes: distances, seconds, and changes, [n] each.

    Raises:
        ValueError: as ``prescribed_changes``; a span that is not positive.

    Source: the protocol of Bi & Poo, Journal of Neuroscience 18, 1998.
    """
    check_positive("span", span, "s")
    rule = _of_spikes(rule)
    steps = max(1, round(span / rule.dt))
    lags = torch.arange(-steps, steps + 1)
    pre, post = (torch.zeros(3 * steps + 1, len(lags)) for _ in range(2))
    which = torch.arange(len(lags))
    pre[(-lags).clamp(min=0), which] = 1.0
    post[lags.clamp(min=0), which] = 1.0
    return lags.to(F64) * rule.dt, prescribed_changes(rule, pre, post, weight)


def pairing_curve(
    rule: Rule,
    frequencies: Sequence[float] = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0),
    lag: float = 10e-3,
    pairs: int = 15,
    weight: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The change of a weight by pairs of spikes that come at a frequency.

    Args:
        rule: as in ``prescribed_changes``.
        frequencies: of the pairs, Hz; a period is rounded to steps.
        lag: by how much the postsynaptic spike of a pair is later, seconds; negative: earlier.
        pairs: how many there are.
        weight: as in ``prescribed_changes``.

    Shapes: frequencies as rounded, Hz, and changes, [n] each.

    Raises:
        ValueError: as ``prescribed_changes``; no frequency, one that is not positive or above one spike a step.

    Source: the protocol of Sjostrom, Turrigiano & Nelson, Neuron 32, 2001.
    """
    rule = _of_spikes(rule)
    check_count("pairs", pairs)
    check_finite("lag", lag)
    if not len(frequencies):
        raise ValueError("frequencies are empty, expected at least one, in Hz")
    for frequency in frequencies:
        check_positive("frequency", frequency, "Hz")
        if round(1.0 / (frequency * rule.dt)) < 1:
            raise ValueError(f"frequency is {frequency} Hz, expected one spike a step at most, {1.0 / rule.dt:g} Hz")
    periods = torch.tensor([round(1.0 / (frequency * rule.dt)) for frequency in frequencies])
    late, which = round(lag / rule.dt), torch.arange(len(periods))
    pre, post = (torch.zeros(int(periods.max()) * pairs + abs(late) + 1, len(periods)) for _ in range(2))
    for number in range(pairs):
        pre[number * periods + max(-late, 0), which] = 1.0
        post[number * periods + max(late, 0), which] = 1.0
    return 1.0 / (periods.to(F64) * rule.dt), prescribed_changes(rule, pre, post, weight)


def _of_spikes(rule: Rule) -> StepwiseRule:
    """The rule, where the spikes of both sides alone say by how much a weight changes."""
    if isinstance(rule, StepwiseRule) and not isinstance(rule, UrbanczikSenn):
        return rule
    raise ValueError(
        f"{rule.name} cannot be shown spikes alone, expected a rule by whose times weights change at steps, for "
        "example stdp-online"
    )
