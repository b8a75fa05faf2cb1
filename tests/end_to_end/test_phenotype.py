"""The command that learns a phenotype, and a training with what it leaves."""

import json

import pytest

from spikelearn.cli.app import run

SMALL = ["--episodes", "2", "--population", "2", "--samples", "2", "--hyper-steps", "1", "--tested", "1"]
SIZES = ["--neuron-option", "channels=2", "--neuron-option", "width=3"]


def test_a_phenotype_is_learned_from_classes_and_used(tmp_path, capsys):
    out, net = tmp_path / "found.json", ["--data", "digits", "--net", "64-5-10"]
    assert run(["phenotype", *net, *SIZES, *SMALL, "--classes", "3", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["losses"]) == 2
    assert told["learned"] != told["first"]
    tensors = json.loads(out.read_text())["phenotype"]
    assert len(tensors["fc0.weight"]) == 3
    assert len(tensors["fc0.weight"][0]) == 2
    folder = str(tmp_path / "run")
    flags = ["--neuron-option", f"phenotype={out}", "--epochs", "1", "--data-fraction", "0.1", "--out", folder]
    assert run(["train", "--rule", "dan", *net, *flags]) == 0
    # The settings of the run hold all numbers of the file; nobody reads them on a screen.
    assert "fc0.weight" not in capsys.readouterr().err
    out.unlink()
    assert run(["evaluate", folder]) == 0
    capsys.readouterr()
    assert run(["inspect", folder]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 500


def test_a_phenotype_is_learned_from_sines(tmp_path, capsys):
    sizes = [*SIZES, "--output-option", "channels=2", "--output-option", "width=3", "--output-option", "gain=5"]
    assert run(["phenotype", "--sines", *sizes, *SMALL, "--out", str(tmp_path / "found.json")]) == 0
    told = capsys.readouterr().out
    assert "learned phenotype on 1 fresh streams of tasks: loss" in told


def test_what_has_no_meaning_is_refused(tmp_path, capsys):
    assert run(["phenotype", "--sines", "--data", "digits"]) == 2
    assert "tasks are no data: drop --data" in capsys.readouterr().err
    assert run(["phenotype", "--epochs", "3"]) == 2
    assert "drop --epochs" in capsys.readouterr().err
    assert run(["phenotype", "--sines", "--classes", "3"]) == 2
    assert "tasks are no data: drop --classes" in capsys.readouterr().err
    assert run(["phenotype", "--rule", "bptt", "--net", "64-5-10"]) == 2
    assert "phenotypes are learned for dan: drop --rule" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["phenotype", "meta", "credits", "continual --rules bptt"])
@pytest.mark.parametrize("place", ["", "a-file/below"])
def test_a_result_that_could_not_be_written_is_refused_before_the_work(command, place, tmp_path, capsys):
    (tmp_path / "a-file").touch()
    # Data that are not there: the work would fail otherwise.
    assert run([*command.split(), "--data", "file:none.npz", "--out", str(tmp_path / place)]) == 2
    assert ("is a folder" if not place else "cannot be written") in capsys.readouterr().err
