"""The command line on a run that has ended: evaluate, export, verify, inspect, and damage."""

import json
import re
import tomllib

import pytest

from spikelearn.cli.app import run
from tests.end_to_end.quick import QUICK, one_object, sentence


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert run(["train", *QUICK, "--out", str(out)]) == 0
    return out


def test_a_run_leaves_its_files(finished):
    assert {p.name for p in finished.iterdir()} >= {
        "settings.toml", "metrics.jsonl", "checkpoint.pt", "weights.safetensors", "result.json", "recording.npz",
    }  # fmt: skip
    assert tomllib.loads((finished / "settings.toml").read_text())["net"] == "64-20-10"
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "validation_accuracy", "rates", "samples_per_second", "seconds", "lr"} <= set(rows[0])


def test_same_seed_same_weights(finished, tmp_path):
    assert run(["train", *QUICK, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (finished / "weights.safetensors").read_bytes()
    assert run(["train", *QUICK, "--seed", "1", "--out", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "weights.safetensors").read_bytes() != (finished / "weights.safetensors").read_bytes()


def test_evaluate_finds_the_accuracy_of_training(finished, capsys):
    assert run(["evaluate", str(finished), "--json"]) == 0
    result = one_object(capsys)
    assert result["test_accuracy"] == json.loads((finished / "result.json").read_text())["test_accuracy"]
    assert result["test_samples"] == 360


def test_export_and_verify(finished, capsys):
    pytest.importorskip("snntorch")
    pytest.importorskip("norse")
    assert run(["export", str(finished), "--verify", "--json"]) == 0
    report = one_object(capsys)
    for peer in ("snntorch", "norse"):
        assert report["peers"][peer]["differing"] == 0
        assert report["peers"][peer]["entries"] == 360 * 5 * 10
    assert (finished / "network.nir").exists()


def test_an_integer_export_takes_the_options_of_its_format_alone(finished, tmp_path, capsys):
    path = tmp_path / "net.h"
    given = ["export", str(finished), "--to", str(path)]
    assert run([*given, "--format", "c-header", "--bits", "4", "--power-of-two"]) == 0
    levels = [int(level) for level in re.findall(r"net_layer\(\w+, \w+, \w+, \d+, (\d+),", path.read_text())]
    assert levels
    assert all(level & (level - 1) == 0 for level in levels)
    for flags, words in (
        (["--power-of-two"], "--power-of-two is of C headers, but --format is 'nir'"),
        (["--bits", "4", "--format", "onnx"], "--bits is of C headers, but --format is 'onnx'"),
        (["--for", "norse", "--format", "c-header"], "--for is of NIR files, but --format is 'c-header'"),
        (["--proof", "--format", "safetensors"], "--proof is of NIR files"),
    ):
        capsys.readouterr()
        assert run([*given, *flags]) == 2
        assert words in capsys.readouterr().err


def test_an_export_takes_the_place_of_an_export_alone(finished, tmp_path, capsys):
    notes, other = tmp_path / "notes.nir", tmp_path / "other"
    notes.write_text("years of work")
    other.mkdir()
    for name in ("settings.toml", "weights.safetensors"):
        (other / name).write_bytes((finished / name).read_bytes())
    for form, path, words in (
        ("nir", notes, "is no file of this format"),
        ("safetensors", notes, "is no file of this format"),
        ("safetensors", other / "weights.safetensors", "a file that a run itself needs"),
        ("nir", finished / "result.json", "a file that a run itself needs"),
    ):
        before = path.read_bytes()
        assert run(["export", str(finished), "--format", form, "--to", str(path)]) == 2
        assert words in sentence(capsys)
        assert path.read_bytes() == before
    for form in ("nir", "safetensors"):
        for _ in range(2):
            assert run(["export", str(finished), "--format", form, "--to", str(tmp_path / f"mine.{form}")]) == 0


def test_inspect_draws_and_cites(finished, capsys):
    assert run(["inspect", str(finished), "--pictures", "--json"]) == 0
    found = one_object(capsys)
    assert len(found["pictures"]) == 5
    for path in found["pictures"]:
        with open(path, "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    assert "Neftci" in found["sources"]["rule bptt"]
    assert set(found["sources"]) == {
        "rule bptt", "neuron lif", "data set digits", "encoder direct", "loss cross-entropy-rate", "adjoint surrogate",
        "surrogate atan", "initialiser uniform", "optimizer adam", "schedule cosine",
    }  # fmt: skip
    assert found["settings"]["net"] == "64-20-10"
    assert len(found["metrics"]) == 2
    assert run(["inspect", "--cite", str(finished)]) == 0
    words = capsys.readouterr().out
    assert "Neftci" in words
    assert "validation" not in words


def test_inspect_in_words(finished, capsys):
    assert run(["inspect", str(finished)]) == 0
    words = capsys.readouterr().out
    for expected in ("settings", "64-20-10", "rate fc1", "test accuracy", "sources to cite"):
        assert expected in words


def test_nothing_is_written_over(finished, capsys):
    kept = {p: p.read_bytes() for p in finished.iterdir() if p.is_file()}
    assert run(["train", *QUICK, "--out", str(finished)]) == 2
    assert "already holds a run" in sentence(capsys)
    assert run(["train", "--resume", str(finished)]) == 2
    assert "has ended already" in sentence(capsys)
    assert run(["train", "--resume", str(finished), "--lr", "3"]) == 2
    assert "expected no other flag" in sentence(capsys)
    assert run(["train", "--resume", str(finished), "--epochs", "1"]) == 2
    assert "epochs is 1, expected more than the 2" in sentence(capsys)
    assert kept == {p: p.read_bytes() for p in kept}


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "settings.toml", "recording.npz", "result.json", "metrics.jsonl"]
)
def test_damaged_files_are_named(finished, tmp_path, name, capsys):
    import shutil

    out = tmp_path / "copy"
    shutil.copytree(finished, out)
    path = out / name
    content = path.read_bytes()
    damaged = b"\x00\x01" + (content if name == "metrics.jsonl" else content[: len(content) // 2])
    path.write_bytes(damaged)
    commands = {"weights.safetensors": ["evaluate"], "recording.npz": ["inspect", "--pictures"]}
    assert run([*commands.get(name, ["inspect"]), str(out)]) == 2
    assert name in sentence(capsys)
    assert path.read_bytes() == damaged


def test_weights_of_another_network_are_named(finished, tmp_path, capsys):
    assert run(["train", *QUICK, "--net", "64-30-10", "--weights", str(finished), "--out", str(tmp_path / "run")]) == 2
    assert "weights are of another network: blocks.fc1.synapse.1.bias has shape [20], expected [30]" in sentence(capsys)
