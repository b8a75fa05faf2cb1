"""Learned feedback against one program: networks of rates, and what each step makes of weights and feedback weights."""

import pytest

from spikelearn.plasticity import RULES
from spikelearn.plasticity.three_factor.signals import directional
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.golden.rates import (
    LOSSES,
    OPTIMIZERS,
    batch_of,
    check_activity,
    check_changes,
    network_of,
    parameters_of,
    watched,
)


def training_of(case, network):
    """The registered rule with the file's loss, optimizers and feedback weights."""
    options = {"loss": LOSSES[case["loss"]](), "feedback_lr": case["feedback_lr"]}
    if case["feedback_decay"]:
        options["feedback_decay"] = case["feedback_decay"]
    rule = RULES.make(NAMES[case["rule"]], options)
    training = Training.start(network, rule, optimizer=OPTIMIZERS[case["optimizer"]](case))
    for name, value in training.memory.items():
        value.copy_(case[f"D{name.removeprefix('back_weights.layer')}_0"])
    return training


NAMES = {"dkp": "dkp", "fdfa": "directional-dfa"}


def check_step(case, training, update, step, tolerance):
    """All that a file has of a step: gradients of weights and of feedback weights, and both after it."""
    check_changes(case, training.network, update, step, tolerance)
    assert_relative(update.scores, case[f"out_{step}"], tolerance, f"out_{step}")
    names = {f"back_weights.layer{n}": n for n in range(1, case["n_layers"])}
    assert update.own.keys() == training.memory.keys() == names.keys()
    for name, n in names.items():
        assert_relative(update.own[name], case[f"gD{n}_{step}"], tolerance, f"gD{n}_{step}")
        assert_relative(training.memory[name], case[f"D{n}_{step}"], tolerance, f"D{n}_{step}")


@pytest.mark.parametrize("path", golden_files("dkp_*.npz"))
def test_direct_kolen_pollack(path, monkeypatch):
    case = load(path)
    network = network_of(case)
    training, tolerance = training_of(case, network), 1e-11 if case["dtype"] == "float64" else 1e-5
    errors = watched(monkeypatch, training.rule)
    for step in range(1, case["n_steps"] + 1):
        check_activity(case, network, batch_of(case, step), step, tolerance)
        check_step(case, training, learn(training, batch_of(case, step)), step, tolerance)
        assert_relative(errors[-1][0][0], case[f"e_{step}"], tolerance, f"e_{step}")


def tangents_of(case, step):
    """The file's draws, by which hidden activations are pushed."""
    return {f"tangents.layer{n}": case[f"xi{n}_{step}"] for n in range(1, case["n_layers"])}


@pytest.mark.parametrize("path", golden_files("fdfa_*.npz"))
def test_directional_feedback(path, monkeypatch):
    case = load(path)
    network = network_of(case)
    training, tolerance = training_of(case, network), 1e-11 if case["dtype"] == "float64" else 1e-5
    errors, moved, whole = watched(monkeypatch, training.rule), [], directional.output_tangent

    def output_tangent(*given):
        moved.append(whole(*given))
        return moved[-1]

    monkeypatch.setattr(directional, "output_tangent", output_tangent)
    for step in range(1, case["n_steps"] + 1):
        batch = batch_of(case, step, tangents_of(case, step))
        drawn = training.rule.draws(network, batch, training.generator)
        assert {name: xi.shape for name, xi in drawn.items()} == {name: xi.shape for name, xi in batch.draws.items()}
        check_activity(case, network, batch, step, tolerance)
        check_step(case, training, learn(training, batch), step, tolerance)
        assert_relative(errors[-1][0][0], case[f"e_{step}"], tolerance, f"e_{step}")
        assert_relative(moved[-1][0], case[f"dy_{step}"], tolerance, f"dy_{step}")


@pytest.mark.parametrize("path", golden_files("fdfa_*zero*.npz"))
def test_directional_feedback_begins_at_zero(path):
    """As the program does, where nothing else is said: hidden layers then rest in the first step, in the file too."""
    case = load(path)
    network = network_of(case)
    training = Training.start(network, RULES.make(NAMES[case["rule"]], {"loss": LOSSES[case["loss"]]()}))
    update = learn(training, batch_of(case, 1, tangents_of(case, 1)))
    for key, name in parameters_of(case, network).items():
        if key != f"W{case['n_layers']}" and key[0] == "W":
            assert not update.grads[name].any()
            assert not case[f"g{key[1:]}_1"].any()
