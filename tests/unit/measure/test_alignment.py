import copy
import json
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from spikelearn.measure import alignment, cosines, reference_for
from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import LIF, ATan, Surrogate, Triangle
from spikelearn.plasticity import (
    BPTT,
    IDE,
    STDP,
    Batch,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    MSECount,
    ReadoutOnly,
    Rule,
)
from spikelearn.training import Training, learn
from tests.conformance.cases import RULES, RuleCase


def batch(seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return Batch((torch.rand(10, 4, 6, generator=drawn) < 0.4).float(), torch.tensor([0, 1, 0, 1]))


def generator():
    return torch.Generator().manual_seed(3)


def small_network(readout=None):
    """Six inputs, eight hidden, two output neurons."""
    blocks = {
        name: Block(nn.Linear(*size), LIF.per_step(0.8, reset="subtract"))
        for name, size in {"hidden": (6, 8), "out": (8, 2)}.items()
    }
    return Network(blocks, readout=readout)


def network():
    torch.manual_seed(0)
    return small_network()


def test_cosines_by_hand():
    given = {"blocks.a.synapse.weight": torch.tensor([[3.0, 0.0]]), "blocks.a.synapse.bias": torch.tensor([4.0])}
    wanted = {"blocks.a.synapse.weight": torch.tensor([[1.0, 0.0]]), "blocks.a.synapse.bias": torch.tensor([0.0])}
    given["readout.head.weight"], wanted["readout.head.weight"] = torch.tensor([-2.0]), torch.tensor([1.0])
    wanted["feedback.loop.synapse.weight"] = torch.ones(2)
    found = cosines(given, wanted)
    assert found.parameters["blocks.a.synapse.weight"] == 1.0
    assert found.parameters["blocks.a.synapse.bias"] is None
    assert found.reasons["blocks.a.synapse.bias"] == "bptt's gradient is zero"
    assert found.blocks == {"a": pytest.approx(0.6), "readout": -1.0, "feedback.loop": None}
    assert found.ratios == {"a": pytest.approx(5.0), "readout": 2.0, "feedback.loop": None}
    assert found.reasons["feedback.loop.synapse.weight"] == "the rule does not change it"
    assert found.total == pytest.approx((3 - 2) / (29**0.5 * 2**0.5))
    assert json.loads(json.dumps(asdict(found)))["blocks"]["a"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("change", "words"),
    [(torch.zeros(2), "the rule's change is zero"), (torch.tensor([1.0, float("nan")]), "not finite")],
)
def test_no_cosine_of_nothing(change, words):
    name = "readout.head.bias"
    found = cosines({name: change}, {name: torch.ones(2)})
    assert found.parameters == {name: None}
    assert words in found.reasons[name]
    assert found.total is None
    assert found.reason


@pytest.mark.parametrize("rule", [BPTT(), BPTT(MSECount()), BPTT(adjoint=Surrogate(Triangle()))])
def test_bptt_agrees_with_itself(rule):
    """Only with the rule's own loss and surrogate as the reference's."""
    found = alignment(network(), rule, batch(), {}, generator())
    assert set(found.blocks) == {"hidden", "out"}
    assert all(
        value == pytest.approx(1.0) for value in [*found.parameters.values(), *found.blocks.values(), found.total]
    )


def test_the_references_reset_is_detached():
    rule = BPTT(adjoint=Surrogate(ATan(), reset_gradient=True))
    assert not reference_for(network(), rule).adjoint.spike_function.reset_gradient
    found = alignment(network(), rule, batch(), {}, generator())
    assert 0.0 < found.blocks["hidden"] < 0.99999


def test_the_loss_of_a_rule_without_one_depends_on_all_that_learns():
    rule = STDP(teacher=1.0)
    assert isinstance(reference_for(network(), rule).loss, CrossEntropyRate)
    assert isinstance(reference_for(small_network(RateReadout(nn.Linear(2, 2))), rule).loss, CrossEntropy)


def test_a_frozen_block_has_no_alignment():
    found = alignment(network(), ReadoutOnly(), batch(), {}, generator())
    assert found.blocks["hidden"] is None
    assert found.reasons["blocks.hidden.synapse.weight"] == "the rule does not change it"
    assert found.blocks["out"] == pytest.approx(1.0)


def test_an_unsupervised_rule_has_none():
    found = alignment(network(), STDP(), batch(), {}, generator())
    assert found.total is None
    assert "unsupervised" in found.reason


def test_where_bptt_cannot_run_it_says_why():
    found = alignment(network(), BPTT(), batch(), {}, generator(), BPTT(CrossEntropyMembrane()))
    assert found.total is None
    assert "looks at potentials" in found.reason


class Split(Rule):
    """BPTT's gradient in two updates."""

    def updates(self, network, batch, memory, generator):
        (whole,) = BPTT().updates(network, batch, memory, generator)
        for part in (0.3, 0.7):
            yield replace(whole, grads={name: part * grad for name, grad in whole.grads.items()})


def test_several_updates_are_summed():
    assert alignment(network(), Split(), batch(), {}, generator()).total == pytest.approx(1.0)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{name}-{n}") for name, cases in RULES.items() for n, case in enumerate(cases)]
)
def test_every_rule_has_an_alignment_or_a_reason_and_nothing_changes(case):
    torch.manual_seed(0)
    network, rule, drawing = case.network(), case.make(), generator()
    memory = rule.init(network, drawing)
    state = [*network.state_dict().values(), *memory.values()]
    before = [x.clone() for x in [*state, drawing.get_state(), torch.get_rng_state()]]
    found = alignment(network, rule, batch(), memory, drawing)
    assert all(map(torch.equal, before, [*state, drawing.get_state(), torch.get_rng_state()]))
    values = [*found.parameters.values(), *found.blocks.values(), found.total]
    assert all(value is None or -1.0 <= value <= 1.0 for value in values)
    assert found.total is not None or found.reason


class Noisy(LIF):
    """Draws from torch's own generator at every step."""

    def step(self, state, current, spike_function):
        return super().step(state, current + 0.1 * torch.randn_like(current), spike_function)


@pytest.mark.parametrize("noisy", [False, True])
def test_a_training_that_is_measured_ends_in_the_same_weights(noisy):
    torch.manual_seed(0)
    if noisy:
        blocks = {
            "hidden": Block(nn.Linear(6, 8), Noisy.per_step(0.8)),
            "out": Block(nn.Linear(8, 2), LIF.per_step(0.8)),
        }
        network, rule = Network(blocks), BPTT()
    else:
        network, rule = RuleCase("ide").network(), IDE(dropout=0.4)
    trained = []
    for measured in (False, True):
        torch.manual_seed(1)
        training = Training.start(copy.deepcopy(network), rule, seed=5)
        for epoch in range(3):
            for part in range(2):
                learn(training, batch(10 * epoch + part))
            if measured:
                found = alignment(training.network, rule, batch(99), training.memory, training.generator)
                assert found.total is not None
        trained.append(training.network.state_dict())
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])
    assert any(not torch.equal(trained[0][name], value) for name, value in network.state_dict().items())
