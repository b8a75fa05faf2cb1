"""Searches that are stopped, killed, or shared by several processes."""

import math
import time
from datetime import datetime, timedelta

import pytest

from spikelearn.bench.tune import held_out, studies, tuning
from spikelearn.bench.tune.tuning import tune
from tests.unit.bench.tuning.small import LR, SMALL

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")  # a study that only asks


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
