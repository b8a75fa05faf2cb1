"""Tuning on embedded data, from the command line to the files."""

import json

import pytest

from spikelearn.bench.plan.tuned import read_tuned
from spikelearn.cli.app import run

QUICK = [
    "--net",
    "64-12-10",
    "--epochs",
    "1",
    "--trials",
    "2",
    "--set",
    "steps=5",
    "data-fraction=0.1",
    "validation=0.2",
]


def test_rules_are_tuned_with_one_budget_and_gone_on_with(tmp_path, capsys):
    command = ["tune", "--rules", "readout-only", "ide", *QUICK, "--out", str(tmp_path)]
    assert run(command) == 0
    first = capsys.readouterr()
    assert first.err.count("validation accuracy") == 4
    assert "ide: validation accuracy" in first.out
    assert "not equal" not in first.err
    files = {path: path.read_text() for path in tmp_path.glob("*.toml")}
    assert {path.stem for path in files} == {"readout-only", "ide"}
    assert read_tuned("ide", "digits", tmp_path).search["trials"] == 2
    assert run([*command, "--json"]) == 0
    again = capsys.readouterr()
    assert again.err == ""
    assert json.loads(again.out)["ide"]["search"]["trials"] == 2
    assert {path: path.read_text() for path in files} == files
    assert run(["train", "--config", str(_settings_of(tmp_path)), "--out", str(tmp_path / "run")]) == 0


def test_a_rule_is_tuned_by_the_measure_of_its_task(tmp_path, capsys):
    settings = ["task=autoencode", "steps=2", "data-fraction=0.05", "validation=0.2"]
    flags = ["--net", "64-8-64", "--epochs", "1", "--trials", "2", "--set", *settings, "--out", str(tmp_path)]
    assert run(["tune", "--rules", "bptt", *flags]) == 0
    assert "bptt: validation mean squared error 0." in capsys.readouterr().out


def _settings_of(folder):
    """A settings file for ``train``, of what was found: as a comparison merges it."""
    import tomli_w

    found = read_tuned("readout-only", "digits", folder)
    path = folder / "found.toml"
    path.write_text(tomli_w.dumps({"net": "64-12-10", "rule": "readout-only", "steps": 5, "epochs": 1, **found.values}))
    return path


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "nothing to tune: name rules"),
        (["--rule", "bptd"], "unknown rule 'bptd'"),
        (["--rule", "bptt", "--storage", "tune.db"], "storage 'tune.db' cannot be opened"),
        (["--rule", "bptt", "--space", "none.toml"], "none.toml does not exist"),
        (["--rule", "bptt", "--config", "none.toml"], "none.toml does not exist"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, capsys, flags, words):
    assert run(["tune", *flags, "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err
