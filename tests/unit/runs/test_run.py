"""Runs from their settings: what was changed is named, what is somebody else's stays, and runs go on exactly."""

import json
import shutil
import tomllib

import pytest

from spikelearn.cli.app import run
from spikelearn.documents import is_untouched
from spikelearn.export import load_weights, save_weights
from spikelearn.runs import Settings, open_run, settings_from, train, trained_network
from spikelearn.training import RunFolder

SMALL = Settings(net="64-8-10", steps=3, epochs=2, batch=100, data_fraction=0.1)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    train(SMALL, folder)
    return folder


@pytest.fixture
def copied(ended, tmp_path):
    return RunFolder(shutil.copytree(ended.path, tmp_path / "copy"))


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != "run.lock"}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("[neuron_option]\n", "[neuron_option]\nv_threshold = 0.2\n", "neuron_option"),
        ("bias = true", "bias = false", "bias"),
        ("delay = 0", "delay = 1", "delay"),
        ("[encoder_option]\n", "[encoder_option]\ngain = 2.0\n[unused]\n", "unknown setting 'unused'"),
        ('neuron = "lif"', 'neuron = "if"', "neuron"),
        ("steps = 3", "steps = 4", "steps"),
        ("steps = 3", 'steps = 3\nencoder = "rate"', "encoder"),
        ("steps = 3", 'steps = 3\nreadout = "membrane"', "readout"),
        ("seed = 0", "seed = 1", "seed"),
    ],
)
def test_settings_that_were_edited_after_the_run_are_named(copied, old, new, name):
    edit(copied.settings, old, new)
    with pytest.raises(ValueError, match=name):
        open_run(copied)


def test_what_weights_mean_is_with_them(copied):
    """Where no result says what the run had, the weights themselves do."""
    copied.result.unlink()
    edit(copied.settings, "[neuron_option]\n", "[neuron_option]\nv_threshold = 0.2\n")
    with pytest.raises(ValueError, match=r"weights.safetensors was trained with neuron_option = \{\}, now it is"):
        trained_network(copied, open_run(copied))


@pytest.mark.parametrize("line", ["steps", "net", "bias", "data", "neuron", "seed", "test_curve"])
def test_a_line_that_is_lost_is_no_default(copied, line):
    lines = copied.settings.read_text().splitlines(keepends=True)
    copied.settings.write_text("".join(text for text in lines if not text.startswith(f"{line} =")))
    with pytest.raises(ValueError, match=f"settings.toml lacks {line}"):
        open_run(copied)


def test_a_file_that_is_cut_at_a_line_lacks_the_rest(copied):
    lines = copied.settings.read_text().splitlines(keepends=True)
    for count in range(len(lines)):
        copied.settings.write_text("".join(lines[:count]))
        with pytest.raises(ValueError, match="lacks|no TOML"):
            open_run(copied)


def test_where_data_lie_and_what_computes_is_no_change(copied, tmp_path):
    edit(copied.settings, 'device = "cpu"', f'device = "cuda"\ndata_root = "{tmp_path}"')
    assert open_run(copied).data_root == str(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "metrics.jsonl", "recording.npz"])
def test_files_of_another_run_are_named(copied, tmp_path, name):
    other = RunFolder(tmp_path / "other")
    train(SMALL.model_copy(update={"seed": 1}), other)
    shutil.copy(other.path / name, copied.path / name)
    with pytest.raises(ValueError, match=f"{name} is damaged or another run's"):
        copied.check_unchanged(copied.path / name)


def test_weights_to_begin_with_are_those_of_such_neurons(ended, tmp_path):
    other = SMALL.model_copy(update={"neuron_option": {"decay": 0.5}})
    for path in (ended.path, ended.weights):
        given = other.model_copy(update={"weights": str(path)})
        with pytest.raises(ValueError, match="would mean something else.*neuron_option"):
            train(given, RunFolder(tmp_path / "run"))
    mine = tmp_path / "mine.safetensors"
    save_weights(mine, load_weights(ended.weights)[0], {})  # written in Python, it says nothing of neurons
    train(SMALL.model_copy(update={"weights": str(mine)}), RunFolder(tmp_path / "run"))


@pytest.mark.parametrize("name", ["settings.toml", "result.json", "metrics.jsonl", "report.md", "weights.safetensors"])
def test_files_of_somebody_else_are_left_alone(tmp_path, name):
    (tmp_path / name).write_text('net = "64-10"  # years of work\n')
    with pytest.raises(ValueError, match=r"holds (something else|a run)"):
        train(SMALL, RunFolder(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "years of work" in (tmp_path / name).read_text()


def test_settings_that_were_edited_by_hand_are_not_written_over(ended, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_bytes(ended.settings.read_bytes() + b"# mine\n")
    with pytest.raises(ValueError, match="something else"):
        train(SMALL, RunFolder(tmp_path))
    shutil.copy(ended.settings, settings)
    assert is_untouched(settings)
    assert run(["train", "--config", str(settings), "--epochs", "1", "--out", str(tmp_path)]) == 2
    assert settings.read_bytes() == ended.settings.read_bytes()


def test_a_run_without_its_checkpoint_is_a_run(copied):
    copied.checkpoint.unlink()
    before = content(copied)
    with pytest.raises(ValueError, match="already holds a run"):
        train(SMALL.model_copy(update={"seed": 3}), copied)
    assert content(copied) == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew(ended, tmp_path):
    folder = RunFolder(tmp_path)
    shutil.copy(ended.settings, folder.settings)
    assert run(["train", "--resume", str(tmp_path)]) == 0
    assert folder.weights.read_bytes() == ended.weights.read_bytes()
    assert folder.settings.read_bytes() == ended.settings.read_bytes()


def without_times(folder):
    return [{**row, "seconds": 0, "samples_per_second": 0} for row in folder.read_metrics()]


@pytest.mark.parametrize(
    "more",
    [
        {"schedule": "constant"},
        {"schedule": "exponential"},
        {"schedule": "constant", "patience": 9},
        {"rule": "stdp", "encoder": "rate", "test_curve": True},
    ],
)
def test_a_run_that_is_trained_longer_is_the_longer_run(tmp_path, more):
    at_once, later = RunFolder(tmp_path / "at_once"), RunFolder(tmp_path / "later")
    short = settings_from({**SMALL.model_dump(), **more})
    train(short.model_copy(update={"epochs": 4}), at_once)
    train(short, later)
    assert run(["train", "--resume", str(later.path), "--epochs", "4"]) == 0
    for name in ("weights", "settings", "recording"):
        assert getattr(later, name).read_bytes() == getattr(at_once, name).read_bytes(), name
    assert without_times(later) == without_times(at_once)
    one, other = at_once.read_result(), later.read_result()
    assert {key for key in one if one[key] != other[key]} <= {"files", "sha256"}
    assert tomllib.loads(later.settings.read_text())["epochs"] == 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "schedule 'cosine', which runs over all 2 epochs"),
        ({"schedule": "constant", "prune": "global:sparsity=0.5,gradual=true"}, "prunes at a share of its 2 epochs"),
    ],
)
def test_what_is_stretched_over_all_epochs_is_not_trained_longer(tmp_path, capsys, more, words):
    folder = RunFolder(tmp_path / "run")
    train(settings_from({**SMALL.model_dump(), **more}), folder)
    before = content(folder)
    assert run(["train", "--resume", str(folder.path), "--epochs", "4"]) == 2
    assert words in capsys.readouterr().err
    assert content(folder) == before


def test_a_result_holds_what_the_run_had(ended):
    found = json.loads(ended.result.read_text())
    assert found["settings"]["net"] == "64-8-10"
    assert set(found["files"]) == {"metrics.jsonl", "weights.safetensors", "recording.npz"}
