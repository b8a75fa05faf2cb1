"""Fitted readouts in runs: unsupervised rules become readable, and only training samples are seen."""

import io

import pytest
import torch
from rich.console import Console

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.run_trial import attempt
from spikelearn.cli.app import run
from spikelearn.datasets import ArrayDataset, Digits
from spikelearn.documents import read_json
from spikelearn.loading import BernoulliRate, Loader, loader_of
from spikelearn.measure import evaluate
from spikelearn.network import build
from spikelearn.plasticity import STDP
from spikelearn.training import ConsoleDisplay, RunFolder, Training, fit
from spikelearn.training.fit_readout import fit_readout
from tests.commands import trained_resumed_and_evaluated

FLAGS = [
    "--rule",
    "stdp",
    "--readout",
    "label-assignment",
    "--net",
    "64-40-10",
    "--steps",
    "20",
    "--data-fraction",
    "0.3",
]


def made(readout="label-assignment"):
    network = build("64-40-10", input_shape=(1, 8, 8), readout=readout, generator=torch.Generator().manual_seed(0))
    return Training.start(network, STDP(1e-4, 2e-4))


def loader(dataset, shuffle=False):
    return Loader(dataset, 10, 200, encoder=BernoulliRate(), shuffle=shuffle)


def test_an_unsupervised_rule_is_read_and_its_run_evaluated_resumed_and_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result, said = trained_resumed_and_evaluated(FLAGS, tmp_path, capsys)
    assert "stdp saw no targets: the readout label-assignment alone is fitted to them" in said
    assert result["test_accuracy"] > 0.3, "chance is 0.1"
    filled_in = STDP.fitted_settings
    common = {"net": "64-40-10", "readout": "label-assignment", "steps": 20, "epochs": 2, "data_fraction": 0.3, "encoder": "rate",
              "encoder_option": {"max_rate": 0.5}, "incoming_norm": filled_in["incoming_norm"]}  # fmt: skip
    arms = {"stdp": {"rule_option": filled_in["rule_option"]}}
    plan = plan_from({"rules": ["stdp"], "seeds": 1, "tuned": False, "measure": False, "common": common, "arms": arms})
    outcome = attempt(plan.points()[0].trial, tmp_path / "trials")
    assert outcome.failure is None
    assert outcome.record.score == result["test_accuracy"]


def test_the_class_of_a_test_sample_is_never_read(tmp_path):
    """Test samples of other classes change what is counted, and nothing else."""
    test = Digits("test")
    wrong = ArrayDataset(test.images, (test.targets + 1) % 10, sequence=False)
    found = []
    for name, watched in (("right", loader(test)), ("wrong", loader(wrong))):
        training = made("ridge")
        folder = RunFolder(tmp_path / name)
        fit(training, loader(Digits("train"), shuffle=True), epochs=1, watched=watched, folder=folder)
        found.append((training.network.state_dict(), folder.read_metrics()[0]["test_accuracy"]))
    assert all(value.equal(found[1][0][name]) for name, value in found[0][0].items())
    assert found[0][1] > 0.3
    assert found[0][1] != found[1][1]


def test_at_most_so_many_samples_are_shown_spread_over_all(monkeypatch):
    monkeypatch.setattr("spikelearn.training.fit_readout.FITTED_BYTES", 100 * 40 * 4 + 3)
    network, shown = made().network, []
    monkeypatch.setattr(type(network.readout), "fit", lambda self, read, targets: shown.append(targets))
    train = loader(Digits("train"))
    assert fit_readout(network, train) == 100
    assert shown[0].equal(Digits("train").targets[torch.arange(100) * train.samples // 100])
    assert fit_readout(build("64-40-10"), train) == 0


def test_batches_of_one_s_own_are_taken_too():
    network = made("ridge").network
    train = loader(Digits("train"))
    assert fit_readout(network, loader_of("loader", list(train.epoch()), 1)) == train.samples
    before = network.readout.head.weight.clone()
    fit_readout(network, train)
    torch.testing.assert_close(network.readout.head.weight, before)
    assert evaluate(network, loader(Digits("test"))).accuracy > 0.5


@pytest.mark.parametrize("rule", ["stdp", "stdp-online"])
def test_what_is_filled_in_has_no_teacher(rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--rule", rule, "--readout", "ridge", "--steps", "2", "--epochs", "1", "--data-fraction", "0.05"]
    assert run(["train", *flags, "--out", "run"]) == 0
    assert read_json(tmp_path / "run" / "result.json")["supervised"] is False


def test_accuracy_before_the_first_fit_is_shown_as_unknown():
    words = io.StringIO()
    epoch = [((torch.rand(2, 3, 6, generator=torch.Generator().manual_seed(0)) < 0.5).float() * 9, torch.arange(3))]
    for readout in ("ridge", None):
        training = Training.start(build("6-4-3", readout=readout), STDP(1e-4, 2e-4))
        fit(training, epoch, epochs=2, display=ConsoleDisplay(Console(file=words, soft_wrap=True)))
    fitted, again, plain, _ = (line for line in words.getvalue().splitlines() if line.startswith("epoch "))
    assert "accuracy unknown (the readout is fitted after the epoch)" in fitted
    assert "unknown" not in again
    assert "unknown" not in plain
