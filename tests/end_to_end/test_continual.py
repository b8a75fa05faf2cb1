"""The command that learns classes part after part."""

import json

from spikelearn.cli.app import run

SMALL = [
    *("--data", "digits", "--net", "64-12-10", "--neuron", "rate", "--output", "rate", "--steps", "1"),
    *("--epochs", "1", "--data-fraction", "0.1", "--splits", "2"),
]


def test_two_rules_learn_part_after_part(tmp_path, capsys):
    out = tmp_path / "found.json"
    assert run(["continual", "--rules", "bptt", "dfa", *SMALL, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(out.read_text())
    assert set(told) == {"bptt", "dfa"}
    found = told["dfa"]
    assert found["splits"] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    for scenario in ("class_incremental", "task_incremental"):
        matrix = found[scenario]["accuracies"]
        assert found[scenario]["average_accuracy"] == sum(matrix[1]) / 2
        assert found[scenario]["forgetting"] == matrix[0][0] - matrix[1][0]
    assert found["settings"]["epochs"] == 1


def test_what_cannot_be_is_said(capsys):
    assert run(["continual", *SMALL]) == 2
    assert "name the rules with --rules" in capsys.readouterr().err
    assert run(["continual", "--rules", "bptt", *SMALL, "--splits", "11"]) == 2
    assert "splits is 11, but there are 10 classes" in capsys.readouterr().err


def test_samples_are_given_back_part_after_part(capsys):
    flags = [*("--task", "autoencode"), *(flag.replace("64-12-10", "64-12-64") for flag in SMALL)]
    assert run(["continual", "--rules", "bptt", *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["bptt"]
    assert found["average_error"] == sum(found["errors"][1]) / 2
    assert found["forgetting"] == found["errors"][1][0] - found["errors"][0][0]
    assert run(["continual", "--rules", "bptt", *flags]) == 0
    assert "mean squared error at the end" in capsys.readouterr().out
