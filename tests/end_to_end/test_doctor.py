"""spikelearn doctor: what it finds, its exit codes, and that it leaves a run as it was; train's word on it."""

import json

import pytest

from spikelearn.cli.app import run

FLAGS = ["--data", "digits", "--net", "64-30-10", "--steps", "15", "--data-fraction", "0.3", "--epochs", "1"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    assert run(["train", *FLAGS, "--lr", "0.01", "--out", str(folder / "well")]) == 0
    return folder


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_healthy_run(runs, capsys):
    before = files(runs / "well")
    assert run(["doctor", str(runs / "well")]) == 0
    assert "nothing found: 7 batches learned, 2 blocks that fire" in capsys.readouterr().out
    assert files(runs / "well") == before


def test_settings_that_will_go_wrong(tmp_path, capsys):
    (tmp_path / "plan.toml").write_text('rule = "bptt"\ndata = "digits"\nnet = "64-30-10"\nsteps = 15\nlr = 5.0\n')
    assert run(["doctor", str(tmp_path / "plan.toml"), "--json", "--picture", str(tmp_path / "seen.png")]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert findings[0]["illness"] == "learning rate too high"
    assert max(findings[0]["figures"].values()) > 10
    assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.toml", "seen.png"]


def test_train_says_that_the_doctor_has_something_to_say(tmp_path, capsys):
    ill = [*FLAGS, "--neuron-option", "tau_mem=20", "--out", str(tmp_path / "ill")]
    assert run(["train", *ill]) == 0
    said = capsys.readouterr().err
    assert f"spikelearn doctor {tmp_path / 'ill'} says why" in said
    assert "time step does not fit" in said
    assert run(["doctor", str(tmp_path / "ill")]) == 1
    assert capsys.readouterr().out.startswith("1. time step does not fit")


def test_nothing_of_that_name(capsys):
    assert run(["doctor", "nowhere"]) == 2
    assert "unknown preset 'nowhere'" in capsys.readouterr().err
