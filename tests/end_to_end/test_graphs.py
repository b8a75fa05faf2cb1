"""A network with a skip, populations side by side and a readout of two blocks, through the commands."""

import json

import pytest
import torch
from safetensors.torch import load_file

from spikelearn.bench import read_results
from spikelearn.cli.app import run
from tests.in_this_process import trials_in_this_process

NET = "64-12-8(<inputs)(out)-12(<fc1)(=fc1)(+fc2)-2(+fc1)(out)"
QUICK = ["--net", NET, "--steps", "4", "--batch", "50", "--schedule", "constant"]
FEW = ["--data-fraction", "0.2"]


def weights(folder):
    return load_file(folder / "weights.safetensors")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert run(["train", *QUICK, *FEW, "--epochs", "2", "--out", str(out)]) == 0
    return out


def test_a_graph_trains_and_is_read_back(finished, capsys):
    named = set(weights(finished))
    assert {"feedforward.fc1_to_fc4.synapse.weight", "feedforward.fc2_to_fc3.synapse.weight"} <= named
    capsys.readouterr()
    assert run(["evaluate", str(finished), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    recorded = json.loads((finished / "result.json").read_text())
    assert found["test_accuracy"] == recorded["test_accuracy"] > 0.1


def test_resumed_it_is_the_run_that_was_not_stopped(finished, tmp_path):
    out = tmp_path / "run"
    assert run(["train", *QUICK, *FEW, "--epochs", "1", "--out", str(out)]) == 0
    assert run(["train", "--resume", str(out), "--epochs", "2"]) == 0
    for name, value in weights(finished).items():
        assert value.equal(weights(out)[name]), name
    assert all(torch.isfinite(value).all() for value in weights(out).values())


def test_rules_are_compared_on_a_graph(tmp_path):
    net = "64-12-10(+inputs)"
    rules = ["bptt", "dfa"]
    settings = [f"net={net}", "steps=4", "epochs=1", "data-fraction=0.1"]
    out = tmp_path / "out"
    flags = ["--rules", *rules, "--data", "digits", "--seeds", "2", "--set", *settings, "--out", str(out)]
    with trials_in_this_process():
        assert run(["compare", *flags]) == 0
    results = read_results(out)
    assert set(results.arms) == set(rules)
    assert not results.missing
    assert len(results.records) == 2 * len(rules)


def test_a_rule_of_chains_says_why_not(tmp_path, capsys):
    assert run(["train", "--rule", "desire", *QUICK, *FEW, "--out", str(tmp_path / "run")]) == 2
    assert "desire goes down block by block, but the network is a graph" in capsys.readouterr().err
