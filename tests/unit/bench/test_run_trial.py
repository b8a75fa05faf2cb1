"""One trial: its record, its measurements, and what becomes of a trial that was left half-way."""

import json
import mmap
import shutil
import sys

import pytest
import torch

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run import probe
from spikelearn.bench.run.probe import Probe, read_probe
from spikelearn.bench.run.run_trial import attempt, run_trial
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.bench.run.trial_values import fingerprints
from spikelearn.documents import json_text, modelled, sealed
from spikelearn.export import load_weights
from spikelearn.runs import make_loaders, prepare, train
from spikelearn.training import NonFiniteUpdate, RunFolder

COMMON = {"net": "64-10-10", "steps": 5, "epochs": 2, "data_fraction": 0.1, "batch": 16}


def trial_of(**plan):
    common = {**COMMON, **plan.pop("common", {})}
    return plan_from({"rules": ["bptt"], "seeds": 1, "common": common, "tuned": False, **plan}).points()[0].trial


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(trial, folder, record) of a trial with tests under three conditions, one of which cannot be."""
    after = {"noise": ["gaussian:sd=0.3", "deletion:share=0.5"], "sparsity": ["prune:sparsity=0.9"]}
    trial = trial_of(after=after)
    folder = TrialFolder(tmp_path_factory.mktemp("trials") / trial.id)
    return trial, folder, run_trial(trial, folder)


def test_a_record_says_what_was_seen(done):
    trial, folder, record = done
    raw = json.loads(folder.record.read_text())
    assert record == modelled(TrialRecord, raw) == folder.read()
    assert (raw["trial"], record.arm, record.seed) == (trial.id, "bptt", 0)
    assert record.train_samples == 130
    assert record.score == raw["accuracy"] == folder.read_result()["test_accuracy"]
    assert [entry.epoch for entry in record.curve] == [0, 1, 2]
    assert all(entry.samples == 130 and entry.seconds > 0 for entry in record.epochs)
    assert record.curve[2].test_score == record.score
    assert record.seconds.training == pytest.approx(sum(entry.seconds for entry in record.epochs))
    assert record.seconds.total >= record.seconds.run > record.seconds.training
    assert record.peak_bytes > 1 << 20
    assert record.optimizer == "adam lr=0.001"
    assert sum(map(sum, record.confusion)) == record.test_samples == 360
    assert sum(row[c] for c, row in enumerate(record.confusion)) == round(360 * record.score)
    assert not folder.checkpoint.exists()


def test_bptt_is_aligned_with_itself(done):
    for entry in done[2].curve:
        assert entry.alignment == pytest.approx({"fc1": 1.0, "fc2": 1.0})
        assert set(entry.activity) == {"fc1", "fc2"}


def test_operations_energy_and_writes(done):
    forward, learning, energy, writes = (getattr(done[2], part) for part in ("forward", "learning", "energy", "writes"))
    assert forward.dense == 64 * 10 + 5 * 10 * 10  # a still image meets the first weights once
    assert learning.dense == 64 * 10 + 2 * 5 * 10 * 10
    assert energy.forward_pj > 0.9 * forward.accumulates
    assert energy.learning_pj == pytest.approx(0.9 * learning.accumulates + 4.6 * learning.multiply_accumulates)
    assert 0 < writes.share <= 1
    assert writes.total == 2 * writes.per_epoch


def test_tests_after_training(done):
    _, folder, record = done
    assert 0 <= record.after["gaussian:sd=0.3"].score <= 1
    assert record.after["prune:sparsity=0.9"].score <= record.score + 0.2
    assert record.after["deletion:share=0.5"].score is None
    assert "currents" in json.loads(folder.record.read_text())["after"]["deletion:share=0.5"]["reason"]


def test_probing_changes_nothing(done, tmp_path):
    """Measured every epoch or not, the weights end equal, byte for byte."""
    trial, folder, _ = done
    plain = RunFolder(tmp_path / "plain")
    train(trial.settings, plain)
    assert folder.weights.read_bytes() == plain.weights.read_bytes()


def test_fingerprints_tell_equal_conditions():
    found = {}
    for name, plan in {
        "bptt": {},
        "fa": {"rules": ["fa"]},
        "seed": {"seeds": [1]},
        "init": {"common": {"init": "kaiming"}},
    }.items():
        settings = trial_of(**plan).settings
        found[name] = fingerprints(settings, make_loaders(settings)["train"])
    assert found["bptt"] == found["fa"]
    assert found["bptt"]["weights"] != found["seed"]["weights"]
    assert found["bptt"]["order"] != found["seed"]["order"]
    assert found["bptt"]["weights"] != found["init"]["weights"]
    assert found["bptt"]["order"] == found["init"]["order"]


def test_a_finished_trial_is_not_run_again(done, monkeypatch):
    trial, folder, record = done
    monkeypatch.setattr("spikelearn.bench.run.run_trial.train", None)
    assert attempt(trial, folder.path.parent).record == record


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(trial, folder, record) of a short trial that is not measured."""
    trial = trial_of(measure=False, common={"epochs": 1})
    folder = TrialFolder(tmp_path_factory.mktemp("whole") / trial.id)
    return trial, folder, run_trial(trial, folder)


@pytest.mark.parametrize("damage", ["record", "weights", "folder", "checkpoint"])
def test_what_is_damaged_is_made_anew(damage, tmp_path, whole):
    trial, undamaged, expected = whole
    folder = TrialFolder(shutil.copytree(undamaged.path, tmp_path / trial.id))
    assert folder.read() == expected
    weights, _ = load_weights(folder.weights)
    if damage == "record":
        folder.record.write_bytes(folder.record.read_bytes()[:-40])
    elif damage == "weights":
        folder.weights.write_bytes(folder.weights.read_bytes()[:-40])
    elif damage == "folder":
        folder.record.rename(tmp_path / "elsewhere.json")
        (folder.path / "metrics.jsonl").write_text("{")
    else:
        folder.record.unlink()
        folder.checkpoint.write_bytes(b"half a checkpoint")
    assert folder.read() is None
    found = run_trial(trial, folder)
    assert found.score == expected.score
    again, _ = load_weights(folder.weights)
    assert all(torch.equal(again[name], value) for name, value in weights.items())


def test_a_failing_trial_leaves_its_reason(tmp_path, monkeypatch):
    def not_finite(*_, **__):
        raise NonFiniteUpdate("epoch 1, batch 2 of 9: the loss is nan:\n lower the learning rate")

    monkeypatch.setattr(sys.modules["spikelearn.bench.run.run_trial"], "train", not_finite)
    trial = trial_of()
    outcome = attempt(trial, tmp_path)
    assert outcome.record is None
    assert outcome.failure["kind"] == "NonFiniteUpdate"
    assert outcome.failure["reason"] == "epoch 1, batch 2 of 9: the loss is nan: lower the learning rate"
    assert TrialFolder(tmp_path / trial.id).read_failure() == outcome.failure


def test_a_full_disk_stops_the_trial_alone(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spikelearn.training.checkpoint.write_atomically", full)
    monkeypatch.setattr("spikelearn.documents.write_atomically", full)
    trial = trial_of()
    outcome = attempt(trial, tmp_path)
    assert "No space left" in outcome.failure["reason"]


def test_lines_that_were_cut_short_are_left_out(done):
    _, folder, _ = done
    whole = read_probe(folder)
    with folder.probe.open("a") as file:
        file.write('{"epoch": 2, "align')
    assert read_probe(folder) == whole


def test_a_line_after_one_that_was_cut_short_is_kept(tmp_path):
    settings = trial_of().settings
    folder = TrialFolder(tmp_path)
    folder.probe.write_text(json_text(sealed({"epoch": 0, "activity": None})) + '\n{"epoch": 1, "align')
    Probe(settings, folder)(prepare(settings)[0], 1)
    assert set(read_probe(folder)) == {0, 1}


def test_costs_are_measured_where_training_stops_early(tmp_path):
    trial = trial_of(common={"epochs": 20, "patience": 1, "validation": 0.2, "lr": 1e-6, "optimizer": "sgd"})
    record = run_trial(trial, TrialFolder(tmp_path / trial.id))
    epochs = record.curve[-1].epoch
    assert epochs < 20
    assert record.energy.learning_pj > 0
    assert record.writes.total == epochs * record.writes.per_epoch


def test_writes_are_not_those_of_a_rate_that_has_come_down_to_0(tmp_path):
    found = {}
    for schedule in ("constant", "linear", "cosine"):
        trial = trial_of(common={"schedule": schedule, "epochs": 1})
        found[schedule] = run_trial(trial, TrialFolder(tmp_path / trial.id)).writes.share
    assert found["linear"] == pytest.approx(found["constant"], abs=0.1)
    assert found["cosine"] == pytest.approx(found["constant"], abs=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is reset through /proc")
def test_what_the_probe_needs_is_not_the_rule_s(tmp_path, monkeypatch):
    size = 256 << 20

    def probing(*_):
        with mmap.mmap(-1, size) as pages:
            pages[:: mmap.PAGESIZE] = b"1" * (size // mmap.PAGESIZE)

    warm = trial_of(seeds=[1], common={"epochs": 1})
    run_trial(warm, TrialFolder(tmp_path / warm.id))  # imports what is imported late
    monkeypatch.setattr(Probe, "__call__", probing)
    trial = trial_of(common={"epochs": 1})
    record = run_trial(trial, TrialFolder(tmp_path / trial.id))
    assert record.rise_bytes < size / 2


def test_the_probe_sees_all_classes_of_data_that_are_sorted():
    settings = trial_of(common={"batch": 20}).settings
    loader = make_loaders(settings)["test"]
    loader.indices = loader.dataset.targets.argsort()
    assert set(loader.dataset.targets[loader.indices[: probe.SAMPLES]].tolist()) < set(range(10))
    seen = probe.spread_batch(loader, settings).targets.tolist()
    assert len(seen) == probe.SAMPLES
    assert set(seen) == set(range(10))


@pytest.mark.parametrize("moment", ["load_checkpoint", "train"])
def test_what_another_process_ends_meanwhile_stays_as_it_is(moment, tmp_path, monkeypatch, whole):
    """A worker that was taken for lost writes its record, and removes its checkpoint, behind its successor's back."""
    trial, made, expected = whole
    folder = TrialFolder(shutil.copytree(made.path, tmp_path / trial.id))
    aside = folder.record.rename(tmp_path / "aside.json")
    if moment == "train":
        monkeypatch.setattr(sys.modules["spikelearn.bench.run.run_trial"], "_is_whole", lambda *_, **__: True)

    def ends_now(*_, **__):
        aside.rename(folder.record)
        raise ValueError("there is no checkpoint")

    monkeypatch.setattr(sys.modules["spikelearn.bench.run.run_trial"], moment, ends_now)
    outcome = attempt(trial, tmp_path)
    assert outcome.failure is None
    assert outcome.record == expected == folder.read()
