"""Rules composed by block: who changes what, how each part's changes are applied, and what is refused."""

import itertools
import math

import pytest
import torch
from torch import nn

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.run_trial import attempt
from spikelearn.cli.app import run
from spikelearn.datasets import Digits
from spikelearn.documents import read_json
from spikelearn.loading import Loader
from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT, DFA, FA, RULES, STDP, Batch, OptimizerChoice, Part, Split
from spikelearn.runs import settings_from
from spikelearn.training import RunFolder, Training, fit, learn, make_schedule
from spikelearn.training.parts import make_schedules


def network(*sizes):
    torch.manual_seed(0)
    blocks = {f"b{n}": Block(nn.Linear(a, b), LIF.per_step(0.8)) for n, (a, b) in enumerate(itertools.pairwise(sizes))}
    made = Network(blocks)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0)
    return made


def batch():
    torch.manual_seed(1)
    return Batch((torch.rand(6, 5, 6) < 0.6).float(), torch.arange(5) % 4)


def weights(made):
    return {name: value.detach().clone() for name, value in made.named_parameters()}


def test_the_same_rule_on_all_parts_is_that_rule_to_the_bit():
    whole, parts = network(6, 8, 7, 4), network(6, 8, 7, 4)
    one = Training.start(whole, BPTT())
    two = Training.start(parts, Split({"b0+b2": BPTT(), "rest": BPTT()}))
    for _ in range(3):
        found = [learn(training, batch()) for training in (one, two)]
    assert found[0].loss.equal(found[1].loss)
    assert found[0].scores.equal(found[1].scores)
    assert all(value.equal(weights(parts)[name]) for name, value in weights(whole).items())


def test_every_part_has_its_own_optimizer_learning_rate_clipping_and_bounds():
    made = network(6, 8, 4)
    momentum = {"momentum": 0.9}
    rule = Split(
        {
            "b0": Part(BPTT(), optimizer="sgd", lr=0.5, clip_norm=0.01, bounds=(-0.2, 0.3)),
            "last": Part(BPTT(), optimizer="sgd", lr=0.25, optimizer_option=momentum, clip_norm=math.inf),
        }
    )
    before, training = weights(made), Training.start(made, rule)
    (wished,) = rule.updates(made, batch(), {}, torch.Generator())
    learn(training, batch())
    first = {name: grad for name, grad in wished.grads.items() if name.startswith("blocks.b0.")}
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in first.values()))
    assert norm > 0.01
    for name, grad in first.items():
        stepped = before[name] - 0.5 * grad * 0.01 / (norm + 1e-6)
        expected = stepped.clamp(-0.2, 0.3) if stepped.ndim > 1 else stepped
        torch.testing.assert_close(weights(made)[name], expected)
    for name in ("blocks.b1.synapse.weight", "blocks.b1.synapse.bias"):
        torch.testing.assert_close(weights(made)[name], before[name] - 0.25 * wished.grads[name])
    assert training.optimizer.parts["last"].param_groups[0]["momentum"] == 0.9


def test_the_sum_over_the_batch_is_that_of_the_part_whose_rule_asks_for_it():
    summing = type("Summing", (BPTT,), {"sums_over_batch": True})
    made = network(6, 8, 4)
    rule = Split({"rest": Part(summing(), "sgd", 0.1), "last": Part(BPTT(), "sgd", 0.1)})
    before, training = weights(made), Training.start(made, rule)
    wished = learn(training, batch()).grads
    for name, grad in wished.items():
        scale = 5.0 if name.startswith("blocks.b0.") else 1.0
        torch.testing.assert_close(weights(made)[name], before[name] - 0.1 * scale * grad)


def test_feedback_belongs_to_its_target_and_memory_to_its_part():
    blocks = {name: Block(nn.Linear(6, 6), LIF()) for name in "abc"}
    made = Network(blocks, {"loop": Feedback("c", "a", nn.Linear(6, 6, bias=False))})
    rule = Split({"a": FA(), "rest": BPTT()})
    assert rule.names_of(made)["a"] == [
        "blocks.a.synapse.weight", "blocks.a.synapse.bias", "feedback.loop.synapse.weight",
    ]  # fmt: skip
    assert set(rule.init(made, torch.Generator())) == {f"a.{name}" for name in FA().init(made, torch.Generator())}


def test_metrics_and_losses_carry_the_part_s_name():
    rule = Split({"rest": BPTT(memory_budget=10.0), "last": BPTT()})
    (update,) = rule.updates(network(6, 8, 4), batch(), {}, torch.Generator())
    assert update.metrics["rest.chunk"] == 6.0
    assert update.metrics["rest.loss"] == pytest.approx(float(update.loss))
    assert set(update.rates) == {"b0", "b1"}


def test_warnings_are_those_of_the_parts():
    rule = Split(rest="eqprop", last="pc")
    (words,) = rule.warnings({"rest.residual_free": 0.5, "last.settled": 1.0, "last.residual": 0.1})
    assert words == f"part 'rest': {RULES.make('eqprop').warnings({'residual_free': 0.5})[0]}"


def test_needs_are_those_of_the_parts():
    rule = Split({"rest": STDP(), "last": BPTT()})
    (rest, last) = rule.requires
    assert rest.still["encoder"] == "rate"
    assert str(last) == f"last: {'; '.join(map(str, BPTT().requires))}"


def test_plain_values_make_the_same_rule():
    options = {"rest": "stdp:a_plus=0.002", "rest.lr": 0.5, "rest.low": 0.0, "last": "bptt"}
    made = RULES.build("split", options | {"last.optimizer": "sgd:momentum=0.5"})
    assert (made.parts["rest"].rule.a_plus, made.parts["rest"].lr) == (0.002, 0.5)
    assert made.parts["rest"].bounds == (0.0, math.inf)
    assert (made.parts["last"].optimizer, made.parts["last"].optimizer_option) == ("sgd", {"momentum": 0.5})


REFUSED = {
    "no such block": ({"b7": "bptt", "rest": "bptt"}, "split names block 'b7', expected one of b0, b1"),
    "a block twice": ({"b1": "bptt", "last": "bptt"}, "block 'b1' belongs to the parts 'b1' and 'last'"),
    "a block of none": ({"last": "bptt"}, "blocks.b0.synapse.weight belongs to no part"),
    "an empty part": ({"b0+b1": "bptt", "rest": "bptt"}, "part 'rest' has no trainable parameter"),
    "a part's own need": (
        {"rest": "tssl-bp", "last": "bptt"},
        "part 'rest': 2 needs of tssl-bp are not met: .*block 'b0'",
    ),
    "a split of splits": ({"rest": "split", "last": "bptt"}, "part 'rest' is a split itself"),
    "no rule": ({"rest": 3, "last": "bptt"}, "the rule of part 'rest' is 3, expected an object of the class Rule"),
    "an unknown choice": ({"rest": "bptt", "rest.rate": 1}, "no option 'rest.rate', expected rest. with one of clip"),
    "a choice of no part": ({"rest": "bptt", "last.lr": 1}, "last.lr is of no part, expected one of rest"),
    "an unknown optimizer": ({"rest": "bptt", "rest.optimizer": "sgdd"}, "unknown optimizer 'sgdd'"),
    "a learning rate": ({"rest": "bptt", "rest.lr": -1}, "lr is -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    options, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        Training.start(network(6, 8, 4), RULES.build("split", options))


def two_parts():
    made = build("64-20-10", input_shape=(1, 8, 8), generator=torch.Generator().manual_seed(0))
    rule = Split(
        {
            "rest": Part(STDP(1e-4, 1e-4), schedule="linear"),
            "last": Part(FA(), optimizer="sgd", lr=0.1, schedule="constant"),
        }
    )
    training = Training.start(made, rule)
    training.schedule = make_schedules(rule, training.optimizer, "constant", 20)
    return training


def test_resumed_exactly(tmp_path):
    def trained(epochs, folder, resume=False):
        training = two_parts()
        fit(training, Loader(Digits("train"), 4, 300, shuffle=True), epochs=epochs, folder=folder, resume=resume)
        return training

    whole = trained(2, RunFolder(tmp_path / "whole"))
    trained(1, RunFolder(tmp_path / "part"))
    again = trained(2, RunFolder(tmp_path / "part"), resume=True)
    assert all(value.equal(weights(again.network)[name]) for name, value in weights(whole.network).items())
    groups = whole.optimizer.param_groups
    assert [group["lr"] for group in groups] == [group["lr"] for group in again.optimizer.param_groups]
    assert groups[0]["lr"] < 1.0
    assert groups[1]["lr"] == 0.1


@pytest.mark.parametrize("place", ["optimizer", "schedule"])
def test_a_state_without_a_part_is_refused(place):
    training = two_parts()
    state = training.state_dict()
    state[place] = {}
    with pytest.raises(ValueError, match=f"{place} lacks 'rest'"):
        training.load_state_dict(state)


def test_a_rule_that_is_one_keeps_the_keys_of_its_state():
    training = Training.start(network(6, 4), BPTT())
    training.schedule = make_schedule("linear", training.optimizer, 5)
    state = training.state_dict()
    assert set(state["optimizer"]) == {"state", "param_groups"}
    assert "base_lrs" in state["schedule"]
    assert state["made_of"]["optimizer"] == "Adam"


SMALL = {"net": "64-12-10", "steps": 4, "data_fraction": 0.2}
OPTIONS = {"rest": "stdp:a_plus=0.0001", "rest.lr": 0.5, "last": "dfa", "last.schedule": "exponential"}


def test_trained_evaluated_resumed_and_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [f"--rule-option={key}={value}" for key, value in OPTIONS.items()]
    flags += [f"--{key.replace('_', '-')}={value}" for key, value in SMALL.items()]
    assert run(["train", "--rule", "split", *flags, "--epochs", "2", "--out", "whole"]) == 0
    assert run(["train", "--rule", "split", *flags, "--epochs", "1", "--out", "part"]) == 0
    assert run(["train", "--resume", "part", "--epochs", "2"]) == 0
    assert run(["evaluate", "part"]) == 0
    files = [tmp_path / name / "weights.safetensors" for name in ("whole", "part")]
    assert files[0].read_bytes() == files[1].read_bytes()
    result = read_json(tmp_path / "whole" / "result.json")
    assert result["optimizer"] == "rest: sgd lr=0.5; last: adam lr=0.001"
    assert result["schedule"] == "rest: constant; last: exponential"
    common = {**SMALL, "epochs": 2}
    plan = plan_from({"rules": ["split"], "seeds": 1, "common": common, "arms": {"split": {"rule_option": OPTIONS}}})
    outcome = attempt(plan.points()[0].trial, tmp_path / "trials")
    assert outcome.failure is None
    assert outcome.record.score == result["test_accuracy"]
    assert outcome.record.optimizer == result["optimizer"]


def test_choices_of_the_run_are_those_of_parts_that_make_none():
    options = {"rest": "dfa", "last": "bptt", "last.lr": 0.1}
    settings = settings_from({"rule": "split", "lr": 0.02, "schedule": "cosine", "rule_option": options})
    parts = settings.make_rule().parts
    assert [(part.lr, part.schedule) for part in parts.values()] == [(0.02, "cosine"), (0.1, "cosine")]
    assert OptimizerChoice("adam", 0.02) == settings.optimizer_choice()
    assert isinstance(parts["rest"].rule, DFA)
