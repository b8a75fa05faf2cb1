"""Rules that predict otherwise than by the readout of one run: everything that tests a network asks them."""

import sys
from pathlib import Path

import pytest
import torch

from spikelearn import plasticity
from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.run_trial import attempt
from spikelearn.cli.app import run
from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.measure import evaluate
from spikelearn.network import build
from spikelearn.plasticity import BPTT, Batch, Split
from spikelearn.runs import open_run, trained_network, trained_predictor
from spikelearn.training import RunFolder, Training, learn, predictor
from tests.commands import trained_resumed_and_evaluated

FILE = Path(__file__).parents[2] / "components" / "forward_forward.py"
FLAGS = ["--import", str(FILE), "--rule", "own-forward-forward", "--net", "64-30-20", "--steps", "4", "--lr", "0.03"]
FLAGS += ["--batch", "32", "--data-fraction", "0.5"]


@pytest.fixture
def imported(monkeypatch, tmp_path):
    """A folder to run in; what is registered here is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plasticity.RULES, "_components", dict(plasticity.RULES._components))
    yield
    for name in [name for name in sys.modules if name.startswith("spikelearn_imports_")]:
        del sys.modules[name]


def test_one_run_a_class_through_train_evaluate_resume_and_compare(imported, tmp_path, capsys):
    result, _ = trained_resumed_and_evaluated(FLAGS, tmp_path, capsys)
    assert result["test_accuracy"] > 0.2, "chance is 0.1, and no output neuron means a class"
    common = {"net": "64-30-20", "steps": 4, "epochs": 2, "batch": 32, "data_fraction": 0.5}
    plan = plan_from(
        {"rules": ["own-forward-forward"], "arms": {"own-forward-forward": {"lr": 0.03}}, "seeds": 1, "measure": False,
         "common": common, "import": [str(FILE)], "after": {"noise": ["gaussian:sd=0.1"]}}
    )  # fmt: skip
    outcome = attempt(plan.points()[0].trial, tmp_path / "trials")
    assert outcome.failure is None
    assert outcome.record.score == result["test_accuracy"]
    assert outcome.record.after["gaussian:sd=0.1"].score > 0.2
    folder = RunFolder(tmp_path / "whole")
    settings = open_run(folder)
    network = trained_network(folder, settings)
    assert trained_predictor(folder, settings, network) is not None
    folder.checkpoint.unlink()
    with pytest.raises(ValueError, match="checkpoint"):
        trained_predictor(folder, settings, network)
    assert run(["train", *FLAGS, "--patience", "2", "--out", "patient"]) == 2
    assert "own-forward-forward predicts with its memory" in " ".join(capsys.readouterr().err.split())
    assert run(["train", *FLAGS, "--rule-option", "classes=7", "--out", "seven"]) == 2
    assert "gives 7 scores and data set 'digits' has 10 classes" in " ".join(capsys.readouterr().err.split())


def test_a_rule_that_reads_its_network_needs_no_second_run():
    network = build("64-12-10")
    assert predictor(BPTT(), network, {}) is None
    assert predictor(Split(), network, Split().init(network, torch.Generator())) is None


def test_scores_of_the_rule_are_what_is_counted():
    network, data = build("64-12-10", input_shape=(1, 8, 8)), Loader(Digits("test"), 3, 100)
    found = evaluate(network, data, predict=lambda _, inputs, valid: torch.eye(10)[torch.full((inputs.shape[1],), 4)])
    share = float((Digits("test").targets == 4).float().mean())
    assert found.accuracy == pytest.approx(share)
    assert found.rates == evaluate(network, data).rates


def test_what_is_drawn_by_sample_is_handed_out_by_sample(imported):
    """The mean of shards is the batch, with a wrong class drawn for every sample of the whole."""
    from tests.components.forward_forward import ForwardForward

    network, rule = build("64-12-9", input_shape=(1, 8, 8)), ForwardForward()
    images, targets = torch.rand(4, 6, 1, 8, 8), torch.arange(6)
    memory = rule.init(network, torch.Generator())

    def grads(batch):
        (update,) = rule.updates(network, batch, memory, torch.Generator().manual_seed(0))
        return update.grads

    whole = Batch(images, targets)
    drawn = rule.draws(network, whole, torch.Generator().manual_seed(0))
    parts = [slice(0, 3), slice(3, 6)]
    shards = [
        grads(Batch(images[:, part], targets[part], draws={name: rows[part] for name, rows in drawn.items()}))
        for part in parts
    ]
    for name, grad in grads(whole).items():
        torch.testing.assert_close(grad, (shards[0][name] + shards[1][name]) / 2)
    learn(Training.start(network, Split({"rest": rule, "last": BPTT()})), whole)
    with pytest.raises(ValueError, match="draw 'wrong' has shape"):
        Batch(images, targets, draws={"wrong": torch.zeros(5)})
