"""The command that learns a phenotype, and a training with what it leaves."""

import json

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
    out.unlink()
    assert run(["evaluate", folder]) == 0


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
    assert run(["phenotype", "--rule", "bptt", "--net", "64-5-10"]) == 2
    assert "phenotypes are learned for dan: drop --rule" in capsys.readouterr().err
