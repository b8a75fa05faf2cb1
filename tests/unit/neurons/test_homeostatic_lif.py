"""A threshold that is kept between presentations: what it becomes, and what leaves it alone."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, evaluating
from spikelearn.neurons import HARD, LIF, HomeostaticLIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, RULES, STDP, Batch
from spikelearn.training import Training, learn


def network(feedback=False, **options):
    torch.manual_seed(0)
    blocks = {
        "a": Block(nn.Linear(6, 4), HomeostaticLIF.per_step(0.8, **options)),
        "b": Block(nn.Linear(4, 2), LIF.per_step()),
    }
    made = Network(blocks, {"loop": Feedback("b", "a", nn.Linear(2, 4))} if feedback else None)
    with torch.no_grad():
        made.blocks["a"].synapse.weight.abs_()
    return made


INPUTS = torch.rand(10, 3, 6, generator=torch.Generator().manual_seed(1))
BATCH = Batch(INPUTS, torch.arange(3) % 2)


def theta(made):
    return made.blocks["a"].neuron.theta


def test_the_threshold_follows_its_equation():
    neuron = HomeostaticLIF.per_step(0.0, theta_plus=0.3, tau_theta=5e-3)
    state, expected = neuron.initial_state(torch.zeros(1, 1)), 0.0
    for size in (1.1, 1.1, 1.5, 0.0, 1.2):
        z, v, state = neuron.step(state, torch.full((1, 1), size), HARD)
        fired = size - expected > 1.0
        assert bool(z) == fired
        assert v.item() == pytest.approx(size - expected, rel=1e-5)
        expected = expected * math.exp(-1 / 5) + 0.3 * fired
        assert state.theta.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("feedback", [False, True])
def test_a_presentation_leaves_it_to_the_next_in_training_alone(feedback):
    made = network(feedback, theta_plus=0.1)
    record, state = made.run(INPUTS)
    torch.testing.assert_close(theta(made), state.neurons["a"].theta.mean(0))
    assert theta(made).shape == (4,)
    kept = theta(made).clone()
    with evaluating(made):
        again, _ = made.run(INPUTS)
    assert theta(made).equal(kept)
    assert again["a"].spikes.sum() < record["a"].spikes.sum()
    made.step(INPUTS[0])
    assert theta(made).equal(kept)


@pytest.mark.parametrize("rule", [BPTT(), STDP(1e-3, 1e-3)], ids=["bptt", "stdp"])
def test_learning_carries_it_on_and_a_resume_finds_it(rule):
    made = network(theta_plus=0.05)
    training = Training.start(made, rule, seed=0)
    seen = []
    for _ in range(3):
        learn(training, BATCH)
        seen.append(theta(made).clone())
    assert seen[0].min() >= 0
    assert seen[0].sum() < seen[1].sum() < seen[2].sum()
    other = Training.start(network(theta_plus=0.05), rule, seed=0)
    other.load_state_dict(training.state_dict())
    assert theta(other.network).equal(seen[2])
    for continued in (training, other):
        learn(continued, BATCH)
    assert theta(other.network).equal(theta(made))


def test_a_presentation_writes_nothing_itself():
    made = network(theta_plus=0.1)
    with made.presentation() as written:
        made.run(INPUTS)
    assert not theta(made).any()
    assert written["blocks.a.neuron.theta"].any()


def test_a_memory_budget_is_refused():
    with pytest.raises(ValueError, match="block 'a' keeps theta between presentations"):
        Training.start(network(), BPTT(memory_budget=10.0))


STEPPED = ("e-prop", "e-prop:form=step", "ostl", "tess", "ottt-online")


@pytest.mark.parametrize("rule", [*STEPPED, "stdp-online", "triplet-stdp", "mstdpet"])
def test_rules_that_go_step_by_step_keep_it_too(rule):
    made = network(theta_plus=0.05)
    if rule in STEPPED:
        made.blocks["b"].neuron, made.readout = LeakyIntegrator.per_step(0.9), MembraneReadout()
    training = Training.start(made, RULES.make(rule), seed=0)
    with torch.no_grad():
        expected = made.run(INPUTS)[1].neurons["a"].theta.mean(0)
        made.blocks["a"].neuron.theta.zero_()
    assert expected.min() > 0
    learn(training, BATCH)
    assert theta(made).min() > 0
    learn(training, BATCH)
    assert theta(made).min() > 0.05


@pytest.mark.parametrize("rule", ["stdp", "stdp-online", "triplet-stdp", "triplet-stdp:online=false"])
def test_a_run_for_scores_alone_leaves_nothing(rule):
    seen = []
    for teacher in (0.0, 1e-9):
        made = network(theta_plus=0.05)
        learn(Training.start(made, RULES.make(rule, {"teacher": teacher}), seed=0), BATCH)
        seen.append(theta(made))
    torch.testing.assert_close(*seen)
