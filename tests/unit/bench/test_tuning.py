"""Search spaces, searches, and the files that they leave."""

import inspect
import math
import sys
import time
import tomllib
from datetime import datetime, timedelta

import pytest

from spikelearn.bench.plan.tuned import read_tuned
from spikelearn.bench.tune import held_out, spaces, studies, tuning
from spikelearn.bench.tune.spaces import Dimension, read_space, settings_at, space_from, start_of
from spikelearn.bench.tune.tuning import tune
from spikelearn.neurons import ADJOINTS
from spikelearn.plasticity import LOSSES, RULES, OptimizerChoice
from spikelearn.runs import Settings, filled_in, merged, needs_of, prepare, settings_from
from spikelearn.training import NonFiniteUpdate

SMALL = {"net": "64-12-10", "steps": 15, "epochs": 2, "batch": 64, "data_fraction": 0.1, "validation": 0.2}
LR = space_from({"lr": {"low": 1e-4, "high": 1.0, "default": 1e-3}})


def whole(rule, **more):
    values = merged(merged({**SMALL, **more}, {"rule": rule}), needs_of(rule, more.get("data", "digits")))
    return {**values, "net": filled_in(values["net"], values.get("common_net", more.get("net", SMALL["net"])))}


pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")  # a study that only asks


@pytest.fixture
def instant(monkeypatch):
    """Trainings that take no time: best at lr = 0.03. What was trained, in order."""
    trained = []

    def train(settings, epochs):
        trained.append(settings)
        epochs.start(settings.epochs, 1, 0, 0)
        epochs.of_an_epoch = 100
        for epoch in range(1, settings.epochs + 1):
            accuracy = 0.9 - 0.1 * abs(math.log10(settings.lr / 0.03)) - 0.1 / epoch
            epochs.epoch({"epoch": epoch, "validation_accuracy": accuracy})
        return epochs.value

    monkeypatch.setattr(tuning, "train_trial", train)
    return trained


# Spaces


@pytest.mark.parametrize("data", ["digits", "digits-events"])
@pytest.mark.parametrize("rule", list(RULES))
def test_a_rule_runs_with_what_it_needs(rule, data):
    net = {"digits": "64-12-10", "digits-events": "512-12-10"}[data]
    training, loaders = prepare(settings_from(whole(rule, data=data, net=net)))
    assert len(loaders["validation"]) > 0
    assert training.network.blocks


@pytest.mark.parametrize("rule", list(RULES))
def test_a_search_begins_at_the_defaults(rule):
    """What a space names as default is what the rule does where nothing is said."""
    space, known = read_space(rule), inspect.signature(RULES.get(rule)).parameters
    for dimension in space:
        name, _, option = dimension.setting.partition(".")
        given = needs_of(rule, "digits").get("rule_option", {}).get(option)
        if name == "lr":
            assert dimension.default == RULES.get(rule).default_optimizer.lr
        elif option in ("adjoint", "loss"):
            made = {"adjoint": ADJOINTS, "loss": LOSSES}[option].make
            assert all(made(choice) is not None for choice in dimension.choices)
            default = known[option].default if given is None else made(given)
            assert str(made(given or dimension.default)).replace("2)", "2.0)") == str(default)
        elif given is None:
            assert dimension.default == known[option].default
    values = whole(rule)
    at_start = settings_from(merged(values, settings_at(space, start_of(space, values))))
    without = settings_from(values)
    assert at_start.optimizer_choice() == without.optimizer_choice()


@pytest.mark.parametrize("rule", list(RULES))
def test_every_corner_of_a_space_can_be_trained(rule):
    space = read_space(rule)
    for end in (0, -1):
        point = {d.setting: (d.choices or (d.low, d.high))[end] for d in space}
        settings = settings_from(merged(whole(rule), settings_at(space, point)))
        training, _ = prepare(settings)
        assert type(training.rule) is RULES.get(rule)
        if "lr" in point:
            assert settings.optimizer_choice().lr == pytest.approx(point["lr"], rel=5e-3)


def test_a_rule_without_a_space_has_its_learning_rate_searched(monkeypatch):
    rule = type("Mine", (RULES.get("bptt"),), {"default_optimizer": OptimizerChoice("sgd", 0.1)})
    monkeypatch.setitem(RULES._components, "mine", rule)
    (lr,) = read_space("mine")
    assert (lr.setting, lr.default, lr.log) == ("lr", 0.1, True)
    assert math.log10(lr.high / lr.low) == pytest.approx(2 * spaces.DECADES)


def test_three_digits_are_kept_and_options_nested():
    space = space_from({"lr": {"low": 1e-4, "high": 1, "default": 0.1}, "rule-option": {"adjoint": {
        "choices": ["atan", "triangle"], "default": "atan"}}})  # fmt: skip
    point = {"lr": 0.012345678, "rule_option.adjoint": "triangle"}
    assert settings_at(space, point) == {"lr": 0.0123, "rule_option": {"adjoint": "triangle"}}
    assert start_of(space, {"lr": 0.5}) == {"lr": 0.5, "rule_option.adjoint": "atan"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "search space is empty"),
        ({"lr": 3}, "lr in a search space is 3, expected a table"),
        ({"lr": {"low": 1, "high": 2}}, "lr in a search space has no default"),
        ({"lr": {"low": 1, "high": 2, "default": 3}}, "lr: its default 3 lies outside of its search space, 1 to 2"),
        ({"lr": {"low": 2, "high": 1, "default": 1}}, "goes from 2 to 1, expected two finite numbers"),
        ({"lr": {"low": 0.0, "high": 1, "default": 1}}, r"low above 0 \(or log = false\)"),
        ({"lr": {"low": "a", "high": 1, "default": 1}}, "goes from 'a' to 1"),
        ({"lr": {"low": 1, "default": 1}}, "goes from 1 to None"),
        ({"lr": {"default": 1}}, "expected either choices, or low and high"),
        ({"lr": {"choices": [1], "low": 1, "high": 2, "default": 1}}, "expected either choices, or low and high"),
        ({"lr": {"choices": 4, "default": 4}}, "expected choices as a list"),
        ({"lr": {"lo": 1, "default": 1}}, r"has 'lo', expected one of .*did you mean 'low'"),
        ({"lrr": {"choices": [1], "default": 1}}, r"'lrr' in a search space cannot be searched, .*mean 'lr'"),
        ({"epochs": {"choices": [1, 2], "default": 1}}, "'epochs' in a search space cannot be searched"),
        ({"rule_option": 3}, "rule_option in a search space is 3, expected a table"),
    ],
)
def test_spaces_that_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        space_from(values)


def test_space_files_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown rule 'bptd', .*mean 'bptt'"):
        read_space("bptd")
    with pytest.raises(ValueError, match="none.toml does not exist"):
        read_space("bptt", tmp_path / "none.toml")
    for text, message in (
        ("[lr", "bad.toml is no TOML file"),
        ("[lr]\nlow = 1", r"bad.toml has 'lr', expected the tables \[space\]"),
        ("[on.digits.settings]\nlr = 1", "bad.toml: the search space is empty"),
        ("[space]\nlr = 3", "bad.toml: lr in a search space is 3"),
    ):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_space("bptt", tmp_path / "bad.toml")


def test_the_space_of_a_file_goes_before_the_declared_one(tmp_path):
    (tmp_path / "mine.toml").write_text("[space.lr]\nlow = 1e-3\nhigh = 1e-1\ndefault = 1e-2\n")
    (lr,) = read_space("bptt", tmp_path / "mine.toml")
    assert (lr.low, lr.high, lr.default) == (1e-3, 1e-1, 1e-2)
    assert len(read_space("bptt")) > 1


# Searches


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


def test_the_last_epoch_counts_and_not_the_best(tmp_path, monkeypatch):
    def train(settings, epochs):
        for epoch, accuracy in ((1, 0.9), (2, 0.4)):
            epochs.epoch({"epoch": epoch, "validation_accuracy": accuracy})
        return epochs.value

    monkeypatch.setattr(tuning, "train_trial", train)
    assert tune("bptt", SMALL, tmp_path, trials=1, space=LR).search["validation_accuracy"] == 0.4


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not(tmp_path, instant):
    tune("bptt", SMALL, tmp_path / "whole", trials=7, space=LR)
    undisturbed = [settings.lr for settings in instant]
    instant.clear()
    tune("bptt", SMALL, tmp_path / "parts", trials=4, space=LR)
    tune("bptt", SMALL, tmp_path / "parts", trials=7, space=LR)
    assert [settings.lr for settings in instant] == undisturbed
    assert len(set(undisturbed)) == 7
    tune("bptt", SMALL, tmp_path / "parts", trials=7, space=LR)
    assert len(instant) == 7


def test_other_conditions_are_another_search(tmp_path, instant):
    tune("bptt", SMALL, tmp_path, trials=2, space=LR)
    tune("bptt", {**SMALL, "steps": 6}, tmp_path, trials=2, space=LR)
    tune("bptt", SMALL, tmp_path, trials=2, space=LR, seed=1)
    assert len(instant) == 6


def test_an_interrupted_trial_is_run_again(tmp_path, instant, monkeypatch):
    train, begun = tuning.train_trial, []

    def stopped_at_the_third(settings, epochs):
        begun.append(settings.lr)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return train(settings, epochs)

    monkeypatch.setattr(tuning, "train_trial", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        tune("bptt", SMALL, tmp_path, trials=5, space=LR)
    assert tune("bptt", SMALL, tmp_path, trials=5, space=LR).search["trials"] == 5
    assert len(begun) == 6
    assert begun[3] == begun[2]


def test_a_killed_trial_is_run_again(tmp_path, instant, monkeypatch):
    monkeypatch.setattr(studies, "HEARTBEAT", 1)
    url = f"sqlite:///{tmp_path / 'tune.db'}"
    study = studies.open_study(url, "killed", {"lr": 0.5})
    trial = study.ask()  # at the default, and then never heard of again
    assert LR[0].draw(trial) == 0.5
    study._storage.record_heartbeat(trial._trial_id)
    time.sleep(2.5)
    drawn = []

    def objective(trial):
        drawn.append(LR[0].draw(trial))
        return 0.5

    again = studies.open_study(url, "killed", {"lr": 0.5})
    studies.search(again, objective, trials=2, until=math.inf, seed=0, wait=lambda _: None)
    assert 0.5 in drawn
    assert len(drawn) == 2 == len(studies.ended(again, 5))
    assert drawn.count(0.5) == 1


@pytest.fixture
def clock(monkeypatch):
    """What ``time.monotonic`` shows; ``time.sleep`` moves it on."""
    now = [1000.0]
    monkeypatch.setattr(studies, "HEARTBEAT", 10)
    monkeypatch.setattr(studies.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(studies.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.mark.parametrize("begun_hours_ago", [24, 0, -24], ids=["yesterday", "now", "by a clock that is ahead"])
@pytest.mark.parametrize("drawn_before", [True, False])
def test_a_trial_killed_before_its_first_sign_of_life_is_run_again(
    tmp_path, clock, monkeypatch, begun_hours_ago, drawn_before
):
    url = f"sqlite:///{tmp_path / 'tune.db'}"
    study = studies.open_study(url, "killed", {"lr": 0.5})
    study.ask()  # and killed before it has drawn the default
    now = datetime.now() + timedelta(hours=begun_hours_ago)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    monkeypatch.setattr(studies, "datetime", Later)
    again, drawn, waited = studies.open_study(url, "killed", {"lr": 0.5}), [], []
    began = clock[0]
    studies.search(
        again, lambda trial: drawn.append(LR[0].draw(trial)) or 0.1, trials=1, until=began + 1000, seed=0,
        wait=waited.append,
    )  # fmt: skip
    assert drawn == [0.5]
    assert set(waited) == {1}
    longest = studies.SECOND_LOOK if begun_hours_ago > 0 else 2 * studies.HEARTBEAT
    assert longest <= clock[0] - began <= longest + 2
    assert len(studies.ended(again, 5)) == 1


def test_a_trial_that_gives_a_sign_of_life_at_the_second_look_lives(tmp_path, clock):
    url = f"sqlite:///{tmp_path / 'tune.db'}"
    elsewhere, study = (studies.open_study(url, "shared", {"lr": 0.5}) for _ in range(2))
    theirs, waited = elsewhere.ask(), []

    def wait(running):
        waited.append(running)
        if len(waited) == 2:
            elsewhere._storage.record_heartbeat(theirs._trial_id)
        if len(waited) == 30:
            elsewhere.tell(theirs, 0.7)

    studies.search(study, lambda _: pytest.fail("begun again"), trials=1, until=math.inf, seed=0, wait=wait)
    assert [trial.value for trial in studies.ended(study, 3)] == [0.7]


def test_the_wait_for_other_processes_is_said_once_for_each_number(tmp_path, instant, monkeypatch):
    class Teller(held_out.Quiet):
        words = []

        def message(self, words):
            self.words.append(words)

    def search(*_, wait, **__):
        for running in (2, 2, 2, 1, 1):
            wait(running)
        raise ValueError("enough")

    monkeypatch.setattr(tuning, "search", search)
    with pytest.raises(ValueError, match="enough"):
        tune("bptt", SMALL, tmp_path, trials=2, space=LR, teller=Teller())
    assert [" ".join(words.split()[:8]) for words in Teller.words] == [
        "bptt on digits: waiting for 2 trials of",
        "bptt on digits: waiting for 1 trial of",
    ]


def test_trials_that_run_elsewhere_are_waited_for_and_count(tmp_path, monkeypatch):
    monkeypatch.setattr(studies.time, "sleep", lambda _: None)
    url = f"sqlite:///{tmp_path / 'tune.db'}"
    elsewhere = studies.open_study(url, "shared", {"lr": 0.5})
    theirs = elsewhere.ask()
    elsewhere._storage.record_heartbeat(theirs._trial_id)
    waited, here = [], []
    study = studies.open_study(url, "shared", {"lr": 0.5})
    studies.search(
        study, lambda trial: here.append(LR[0].draw(trial)) or 0.1, trials=3, until=math.inf, seed=0,
        wait=lambda running: waited.append(running) or elsewhere.tell(theirs, 0.7),
    )  # fmt: skip
    assert (waited, len(here)) == ([1], 2)
    assert sorted(trial.value for trial in studies.ended(study, 3)) == [0.1, 0.1, 0.7]


def test_no_trial_beyond_the_budget_where_two_begin_at_once(tmp_path):
    """What another process began between the look and the beginning leaves no place: the later number gives way."""
    study = studies.open_study(f"sqlite:///{tmp_path / 'tune.db'}", "race", {"lr": 0.5})
    begun = []

    def objective(trial):
        begun.append(trial.number)
        return 0.5

    looks, taken = [], studies._taken

    def late(study):
        looks.append(study)
        if len(looks) == 1:
            before = taken(study)
            for _ in range(2):
                study.tell(study.ask(), 0.1)
            return before
        return taken(study)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "_taken", late)
        studies.search(study, objective, trials=2, until=math.inf, seed=0, wait=lambda _: None)
    assert begun == []
    assert [trial.value for trial in studies.ended(study, 2)] == [0.1, 0.1]


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
    monkeypatch.setattr("spikelearn.runs.start.test_loader", lambda _: Untouchable())
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


def test_the_written_file_is_what_a_comparison_reads(tmp_path, instant):
    found = tune("stdp", SMALL, tmp_path, trials=2, space=LR)
    assert found.path == tmp_path / "stdp.toml"
    read = read_tuned("stdp", "digits", tmp_path)
    assert (read.data, read.values, read.search) == ("digits", found.settings, found.search)
    assert read.file == str(found.path)
    assert read.values["net"] == "{input}-{output}"
    assert read.values["encoder"] == "rate"
    tables = tomllib.loads(found.path.read_text())
    assert tables.keys() == {"on"}
    assert tables["on"]["digits"].keys() == {"search", "settings"}
    assert read_tuned("stdp", "nmnist", tmp_path) is None
    assert read_tuned("no-such-rule", "digits", tmp_path) is None


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
    with pytest.raises(ValueError, match="tuning needs the package optuna: install it"):
        tune("bptt", SMALL, tmp_path, space=LR)


def test_what_a_file_holds_of_other_data_sets_is_kept(tmp_path, instant):
    first = tune("bptt", SMALL, tmp_path, trials=2, space=LR)
    events = {**SMALL, "data": "digits-events", "net": "512-12-10"}
    second = tune("bptt", events, tmp_path, trials=3, space=LR)
    assert first.path == second.path
    tune("bptt", SMALL, tmp_path, trials=4, space=LR)
    trials = {data: read_tuned("bptt", data, tmp_path).search["trials"] for data in ("digits", "digits-events")}
    assert trials == {"digits": 4, "digits-events": 3}
    first.path.write_text(first.path.read_text() + "# mine\n")
    with pytest.raises(ValueError, match="bptt.toml is not as a search wrote it"):
        tune("bptt", SMALL, tmp_path, trials=5, space=LR)


def test_tuned_files_that_are_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere, named for tuned settings, is no folder"):
        read_tuned("bptt", "digits", tmp_path / "nowhere")
    for text, message in (
        ("[on", "is no TOML file"),
        ("lr = 1", r"has 'lr', expected the tables \[space\], \[on.DATA.settings\]"),
        ("[settings]\nlr = 1", "has 'settings', expected the tables"),
        ("[on.digits]\nlr = 1", r"holds no tuned settings on digits, expected the tables \[on.digits.settings\]"),
        ("[on]\ndigits = 3", "holds no tuned settings on digits"),
        ("[on.digits.search]\ntrials = 0", r"\[on.digits.search\]: trials: .*restore it, or drop the table"),
    ):
        (tmp_path / "bptt.toml").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_tuned("bptt", "digits", tmp_path)


def test_a_dimension_says_itself():
    assert LR[0].words == "0.0001 to 1, log-uniform"
    assert Dimension("steps", 5, choices=(5, 10)).words == "one of 5, 10"
