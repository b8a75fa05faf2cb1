"""Homeostasis beside the rules of spike timing: what it adds, what it follows, and where it brings neurons."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import HOMEOSTASES, RULES, STDP, Batch, OnlineSTDP, SynapticScaling, ThresholdAdaptation
from spikelearn.training import Training, learn

F64 = torch.float64
WEIGHT, BIAS = "blocks.fc1.synapse.1.weight", "blocks.fc1.synapse.1.bias"


def network(seed=0):
    torch.manual_seed(seed)
    made = build("12-5", lambda: LIF(10e-3, r=4.0)).double()
    with torch.no_grad():
        made.get_parameter(WEIGHT).uniform_(-0.1, 0.6)
        made.get_parameter(BIAS).zero_()
    return made


def batch(seed=0, steps=40):
    generator = torch.Generator().manual_seed(seed)
    return Batch((torch.rand(steps, 8, 12, generator=generator, dtype=F64) < 0.3).to(F64), torch.arange(8) % 5)


def change(rule, made, data, memory=None):
    """{parameter: change} of the rule's one update, and its memory."""
    memory = rule.init(made, torch.Generator().manual_seed(0)) if memory is None else memory
    (update,) = rule.updates(made, data, memory, torch.Generator())
    return {name: -grad for name, grad in update.grads.items()}, update.memory


WIDE = {"low": -10.0, "high": 10.0}
RULED = [
    ("stdp", {}),
    ("stdp", {"chunk": 7}),
    ("stdp-online", WIDE),
    ("stdp-online", {**WIDE, "pairing": "nearest-symmetric"}),
    ("triplet-stdp", WIDE),
    ("triplet-stdp", {**WIDE, "online": False}),
    ("clopath", WIDE),
    ("mstdp", WIDE),
    ("mstdpet", WIDE),
    ("dopamine-stdp", WIDE),
]


@pytest.mark.parametrize(("name", "options"), RULED)
def test_scaling_is_added_to_what_the_rule_does(name, options):
    """The closed form, with the rates of a run and their mean over two seconds that began at the target."""
    made, data = network(), batch()
    plain, _ = change(RULES.make(name, options), made, data)
    scaled, kept = change(
        RULES.make(name, {**options, "homeostasis": "synaptic-scaling:target_rate=80,learning_rate=0.1,tau=2"}),
        made,
        data,
    )
    rule = RULES.make(name, options)
    if name == "stdp" or not options.get("online", True):
        spikes = made.run(data.inputs)[0]["fc1"].spikes
    else:
        spikes = torch.cat([moment.record["fc1"].spikes for moment in rule.walk(made, data)])
    left = math.exp(-0.04 / 2)
    mean = spikes.mean((0, 1)) / 1e-3 * (1 - left) + 80 * left
    weight = made.get_parameter(WEIGHT).detach()
    expected = 0.1 * (1 - mean / 80)[:, None] * weight.abs()
    assert expected.abs().min() > 0
    torch.testing.assert_close(scaled[WEIGHT] - plain[WEIGHT], expected)
    torch.testing.assert_close(kept[f"rate.{WEIGHT.removesuffix('.1.weight')}"], mean)


@pytest.mark.parametrize("name", ["stdp", "stdp-online"])
def test_thresholds_follow_the_rate_by_biases(name):
    made, data = network(), batch()
    changed, _ = change(RULES.make(name, {"homeostasis": "threshold:target_rate=60,learning_rate=0.2"}), made, data)
    rate = made.run(data.inputs)[0]["fc1"].spikes.mean((0, 1)) if name == "stdp" else None
    if rate is not None:
        torch.testing.assert_close(changed[BIAS], 0.2 * (0.06 - rate))
    assert BIAS in changed
    assert changed[BIAS].abs().min() > 0
    unbiased = Network({"fc1": Block(nn.Linear(12, 5, bias=False), LIF(10e-3))})
    with pytest.raises(ValueError, match="finds no trainable bias"):
        RULES.make(name, {"homeostasis": "threshold"}).check(unbiased)


def test_weights_of_rules_with_bounds_stay_within_them():
    made, data = network(), batch()
    rule = OnlineSTDP(low=0.0, high=0.5, homeostasis=SynapticScaling(1000.0, 5.0, 0.0))
    changed, _ = change(rule, made, data)
    after = made.get_parameter(WEIGHT).detach() + changed[WEIGHT]
    assert float(after.min()) >= 0
    assert float(after.max()) <= 0.5 + 1e-12
    assert (after > 0.5 - 1e-9).any()


@pytest.mark.parametrize(
    "homeostasis", [SynapticScaling(60.0, 0.3, 0.1), ThresholdAdaptation(60.0, 2.0)], ids=lambda made: made.name
)
def test_neurons_come_to_the_target_rate(homeostasis):
    """STDP that would let rates run away goes on beside it."""
    made = network()
    with torch.no_grad():
        made.get_parameter(WEIGHT).mul_(torch.tensor([0.4, 0.7, 1.0, 1.5, 2.0], dtype=F64)[:, None]).abs_()
    training = Training.start(made, STDP(1e-5, 1e-5, homeostasis=homeostasis))
    before = made.run(batch().inputs)[0]["fc1"].spikes.detach().mean((0, 1)) / 1e-3
    for seed in range(60):
        learn(training, batch(seed))
    after = made.run(batch(99).inputs)[0]["fc1"].spikes.detach().mean((0, 1)) / 1e-3
    assert float((before - 60).abs().max()) > 60
    assert float((after - 60).abs().max()) < 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("synaptic-scaling:target_rate=0", "target_rate is 0"),
        ("synaptic-scaling:learning_rate=-1", "learning_rate is -1"),
        ("threshold:tau=-1", "tau is -1"),
        ("scaling", "unknown homeostasis 'scaling', expected .*synaptic-scaling"),
    ],
)
def test_wrong_options_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("stdp-online", {"homeostasis": text})


def test_every_homeostasis_is_written_as_text():
    assert HOMEOSTASES.names == ["none", "synaptic-scaling", "threshold"]
