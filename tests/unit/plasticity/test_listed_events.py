"""Changes of listed weights by events are those of every connection, to the last bit."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import Batch, Carried, OnlineSTDP, Vogels
from spikelearn.plasticity.spike_timing import listed_events


def network(dtype, delays):
    made = build(
        f"40-60(k20)(>fc1 x k16{delays})-20(k16)(>fc1 k10{delays})",
        lambda: LIF.per_step(0.95),
        bias=False,
        generator=torch.Generator().manual_seed(0),
    )
    with torch.no_grad():
        for name, edge in {**made.blocks, **made.feedback}.items():
            edge.synapse.weight.abs_().mul_(1.5)
            edge.requires_grad_(name in ("fc1_to_fc1", "fc2_to_fc1"))
        made.feedback["fc2_to_fc1"].synapse.weight.neg_()
    return made.to(dtype)


def presented(dtype=torch.float32, steps=60):
    inputs = (torch.rand(steps, 1, 40, generator=torch.Generator().manual_seed(1)) < 0.05).to(dtype)
    return Batch(inputs, torch.zeros(1, dtype=torch.int64))


@torch.no_grad()
def learned(rule, made, batch, **options):
    for moment in rule.walk(made, batch, **options):
        last = {name: weight.clone() for name, weight in moment.weights.items()}
    return last


RULES = [Vogels(0.01, 20.0, low=-1.0, high=1.0), OnlineSTDP(0.01, 0.012, low=-1.0)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("delays", ["", " d1..3"])
def test_by_events_or_by_every_connection(rule, dtype, delays, monkeypatch):
    made, batch = network(dtype, delays), presented(dtype)
    called = []
    kept = listed_events.array
    monkeypatch.setattr(listed_events, "array", lambda tensor: called.append(1) or kept(tensor))
    by_events = learned(rule, made, batch)
    assert called
    del called[:]
    one_by_one = learned(rule, made, batch, watch=lambda *_: None)  # who looks at terms needs all of them
    assert not called
    for name, weight in by_events.items():
        assert torch.equal(weight, one_by_one[name])
        assert (weight - made.get_parameter(name)).abs().max() > 0.01


def test_a_rule_that_changes_the_terms_is_asked_for_them():
    class Half(Vogels):
        def terms(self, seen, traces):
            return {name: 0.5 * term for name, term in super().terms(seen, traces).items()}

    made, batch = network(torch.float32, ""), presented()
    half, whole = (learned(kind(0.01, 20.0, low=-1.0), made, batch) for kind in (Half, Vogels))
    assert not torch.equal(half["feedback.fc2_to_fc1.synapse.weight"], whole["feedback.fc2_to_fc1.synapse.weight"])


@pytest.mark.parametrize("delay", [0, 2])
def test_a_presentation_in_two_parts_is_one(delay):
    made, batch = network(torch.float64, " d1..3"), presented(torch.float64)
    rule, carried = Vogels(0.01, 20.0, low=-1.0, high=1.0, dendritic_delay=delay), Carried()
    whole = learned(rule, made, batch)
    for part in batch.inputs.split([23, 37]):
        last = learned(rule, made, Batch(part, batch.targets), carried=carried)
        with torch.no_grad():
            for name, weight in last.items():
                made.get_parameter(name).copy_(weight)
    assert all(torch.equal(weight, last[name]) for name, weight in whole.items())
