"""Searches: equal budgets, the best of all trials, and what is refused."""

import math
import sys

import pytest

from spikelearn.bench.tune import held_out, tuning
from spikelearn.bench.tune.spaces import Dimension
from spikelearn.bench.tune.tuning import tune
from spikelearn.runs import Settings, prepare, settings_from
from spikelearn.training import NonFiniteUpdate
from tests.unit.bench.tuning.small import LR, SMALL, whole

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")  # a study that only asks


def test_what_is_found_is_the_best_of_all_trials_and_near_the_optimum(tmp_path, instant):
    found = tune("bptt", SMALL, tmp_path, trials=12, space=LR)
    assert len(instant) == 12 == found.search["trials"]
    best = max(instant, key=lambda settings: -abs(math.log10(settings.lr / 0.03)))
    assert found.settings == {"lr": best.lr}
    assert 0.01 < best.lr < 0.1
    assert found.search["validation_accuracy"] == pytest.approx(0.85 - 0.1 * abs(math.log10(best.lr / 0.03)))
    assert instant[0].lr == 1e-3
    assert found.search["validation_accuracy_of_defaults"] == pytest.approx(0.85 - 0.1 * math.log10(30))
    assert found.search["samples"] == 12 * 2 * 100


def test_options_of_the_rule_that_all_trials_share_are_kept(tmp_path, instant):
    tune("s-tllr", {**SMALL, "net": "64-12(F12)-10", "rule_option": {"form": "step"}}, tmp_path, trials=2, space=LR)
    assert [settings.rule_option["form"] for settings in instant] == ["step", "step"]


def test_the_last_epoch_counts_and_not_the_best(tmp_path, monkeypatch):
    def train(settings, epochs):
        for epoch, accuracy in ((1, 0.9), (2, 0.4)):
            epochs.epoch({"epoch": epoch, "validation_accuracy": accuracy})
        return epochs.value

    monkeypatch.setattr(tuning, "train_trial", train)
    assert tune("bptt", SMALL, tmp_path, trials=1, space=LR).search["validation_accuracy"] == 0.4


def test_nan_is_the_worst_and_counts(tmp_path, instant, monkeypatch):
    train = tuning.train_trial

    def unstable(settings, epochs):
        if settings.lr > 0.01:
            raise NonFiniteUpdate("epoch 1: NaN")
        return train(settings, epochs)

    monkeypatch.setattr(tuning, "train_trial", unstable)
    found = tune("bptt", SMALL, tmp_path, trials=8, space=LR)
    assert found.search["trials"] == 8
    assert found.search["trials_failed"] == 8 - len(instant) > 0
    assert found.settings["lr"] <= 0.01
    monkeypatch.setattr(tuning, "train_trial", lambda *_: (_ for _ in ()).throw(NonFiniteUpdate("NaN at once")))
    with pytest.raises(ValueError, match="all 3 trials failed .NaN at once.: nothing was found"):
        tune("bptt", {**SMALL, "seed": 1}, tmp_path / "none", trials=3, space=LR)
    assert not (tmp_path / "none" / "bptt.toml").exists()


def test_no_trial_is_begun_after_the_time_is_over(tmp_path, instant, monkeypatch):
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(tuning.time, "monotonic", lambda: next(clock))
    found = tune("bptt", SMALL, tmp_path, trials=50, minutes=2, space=LR)
    assert found.search["trials"] == len(instant) == 3


def test_pruned_trials_count_and_are_never_the_best(tmp_path, instant):
    found = tune("bptt", {**SMALL, "epochs": 6}, tmp_path, trials=10, space=LR, prune=True)
    assert found.search["trials"] == 10
    assert found.search["samples"] < 10 * 6 * 100
    assert found.search["pruning"] != "none"
    assert 0.005 < found.settings["lr"] < 0.2


def test_budgets_are_equal_and_no_test_sample_is_looked_at(tmp_path, monkeypatch):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"the test samples were asked for {name}")

        __len__ = __iter__ = __getattr__

    asked, make = [], Settings.make_dataset
    monkeypatch.setattr("spikelearn.runs.start.test_loader", lambda *_: Untouchable())
    monkeypatch.setattr(Settings, "make_dataset", lambda self, split: asked.append(split) or make(self, split))
    epochs, of_an_epoch = [], held_out.EpochsOfTrial.epoch
    monkeypatch.setattr(
        held_out.EpochsOfTrial, "epoch", lambda self, row: epochs.append(row["epoch"]) or of_an_epoch(self, row)
    )
    founds = {rule: tune(rule, {**SMALL, "test_curve": True}, tmp_path, trials=2) for rule in ("bptt", "stdp")}
    assert set(asked) == {"train"}
    assert epochs == [1, 2] * 4
    for name in ("trials", "epochs", "samples"):
        assert founds["bptt"].search[name] == founds["stdp"].search[name]
    assert founds["bptt"].search["samples"] == 2 * 2 * len(prepare(settings_from(whole("bptt")))[1]["train"].indices)


@pytest.mark.parametrize(
    ("common", "options", "message"),
    [
        ({"validation": 0.0}, {}, "set validation above 0, and leave patience out"),
        ({"patience": 2}, {}, "patience 2: tuning judges by held-out samples"),
        ({"rule": "dfa"}, {}, "common settings name the rule 'dfa': drop it"),
        ({"stepss": 2}, {}, "unknown setting 'stepss'"),
        ({"lr": 7.0}, {}, "lr: the setting 7.0 lies outside of its search space"),
        ({}, {"trials": 0}, "trials is 0, expected a whole number of at least 1"),
        ({}, {"minutes": -1}, "minutes is -1"),
        ({"net": "64-8-9"}, {}, "has 9 outputs"),
        ({"data": "digit"}, {}, "did you mean 'digits'"),
        ({}, {"space": (Dimension("bias", True, choices=(True, "maybe")),)}, "bias is 'maybe'"),
        ({}, {"storage": "mysql+none://me:secret@host/name"}, r"storage 'mysql\+none://me:\*\*\*@host/name' cannot"),
        ({}, {"storage": "nonsense"}, "storage 'nonsense' cannot be opened .*: expected a database such as sqlite"),
        ({}, {"storage": "sqlite:////no/such/folder/tune.db"}, "cannot be opened"),
    ],
)
def test_searches_that_are_refused(tmp_path, instant, common, options, message):
    with pytest.raises(ValueError, match=message):
        tune("bptt", {**SMALL, **common}, tmp_path / "out", **{"space": LR, **options})
    assert instant == []
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is a file, expected a folder"):
        tune("bptt", SMALL, tmp_path / "file", space=LR)


def test_without_optuna_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        ValueError, match=r"tuning needs optuna, which is not installed: pip install 'spikelearn\[tune\]'"
    ):
        tune("bptt", SMALL, tmp_path, space=LR)
