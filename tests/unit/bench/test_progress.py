"""The display of a comparison: what runs, what is left, and the best so far."""

import io
import json

import pytest
from rich.console import Console

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run import progress as module
from spikelearn.bench.run.engines import Outcome
from spikelearn.bench.run.progress import Progress
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.bench.run.trial_record import TrialRecord


@pytest.fixture
def points():
    plan = {"rules": ["bptt", "dfa"], "seeds": 2, "axes": {"steps": [5]}, "tuned": False}
    return plan_from({**plan, "common": {"epochs": 20, "lr": 0.01}}).points()


def record(accuracy, seconds, resumed=False):
    names = {"arm": "dfa", "rule": "dfa", "data": "digits", "net": "64-100-10", "seed": 0, "files": {}}
    return TrialRecord(**names, accuracy=accuracy, seconds={"total": seconds}, resumed=resumed)


def shown(progress):
    console = Console(file=io.StringIO(), width=150)
    console.print(progress.view())
    return console.file.getvalue()


def of(points, arm, seed, axis=None):
    return next(p.trial for p in points if (p.arm, p.seed, p.axis) == (arm, seed, axis))


def test_lines_elsewhere_than_on_a_terminal(tmp_path, points):
    text = io.StringIO()
    console = Console(file=text, soft_wrap=True, markup=False, highlight=False)
    with Progress(points, tmp_path, console) as progress:
        progress.started(of(points, "bptt", 0))
        progress.ended(Outcome(of(points, "bptt", 0), record(0.91, 12.0), None))
        progress.started(of(points, "dfa", 1, "steps"))
        failure = {"reason": "the loss is nan", "kind": "NonFiniteUpdate"}
        progress.ended(Outcome(of(points, "dfa", 1, "steps"), None, failure))
    lines = text.getvalue().splitlines()
    assert lines[0] == "start   bptt on digits, seed 0"
    assert lines[1].startswith(
        "done    bptt on digits, seed 0: 91.00 % in 12 s; 1 of 8 trials done, 7 left; about 84 s"
    )
    assert lines[2:] == [
        "start   dfa on digits, steps=5, seed 1",
        "failed  dfa on digits, steps=5, seed 1: the loss is nan",
    ]


def test_the_table_shows_epochs_time_left_and_the_best(tmp_path, points, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    progress = Progress(points, tmp_path, Console(file=io.StringIO()))
    for arm, seed, accuracy, seconds in (("bptt", 0, 0.9, 100.0), ("bptt", 1, 0.8, 300.0), ("dfa", 0, 0.95, 40.0)):
        progress.ended(Outcome(of(points, arm, seed), record(accuracy, seconds), None))
    progress.ended(Outcome(of(points, "bptt", 0, "steps"), record(0.1, 1.0, resumed=True), None))
    running = of(points, "bptt", 1, "steps")
    progress.started(running)
    progress.started(of(points, "dfa", 1))
    clock[0] += 150.0
    folder = TrialFolder(tmp_path / running.id)
    for epoch in (1, 2, 3):
        folder.append_metrics({"epoch": epoch})
    seen = shown(progress)
    rows = [line.split() for line in seen.splitlines()]
    assert rows[1] == ["bptt", "digits", "steps=5", "1", "3", "of", "20", "2", "min"]
    assert rows[2] == ["dfa", "digits", "1", "0", "of", "20", "2", "min"]
    # bptt: 200 s usually, 150 gone; dfa: 40 s usually, all gone, and two more; two at a time.
    assert "4 of 8 trials done, 4 left; about 65 s more" in seen
    assert "digits, mean test accuracy (trials): dfa 95.00 % (1), bptt 85.00 % (2)" in seen


def test_trials_that_had_ended_before_count(tmp_path, points):
    done = TrialFolder(tmp_path / of(points, "dfa", 0).id)
    done.path.mkdir()
    for name in ("settings.toml", "metrics.jsonl", "weights.safetensors", "result.json"):
        (done.path / name).write_text(json.dumps({}))
    place = {"arm": "dfa", "rule": "dfa", "data": "digits", "net": "64-100-10", "seed": 0}
    done.write({**place, "accuracy": 0.5, "seconds": {"total": 10.0}})
    with Progress(points, tmp_path, Console(file=io.StringIO())) as progress:
        assert "1 of 8 trials done, 7 left; about 70 s more" in shown(progress)
        assert "dfa 50.00 % (1)" in shown(progress)


def test_trials_that_failed_before_and_are_not_tried_again_are_not_left(tmp_path, points):
    failed = [of(points, "dfa", seed).id for seed in (0, 1)]
    progress = Progress(points, tmp_path, Console(file=io.StringIO()), failed)
    progress.ended(Outcome(of(points, "bptt", 0), record(0.91, 10.0), None))
    assert "1 of 8 trials done, 2 failed, 5 left; about 50 s more" in shown(progress)


def test_nothing_is_foretold_before_a_trial_has_ended(tmp_path, points):
    progress = Progress(points, tmp_path, Console(file=io.StringIO()))
    progress.started(of(points, "bptt", 0))
    assert "0 of 8 trials done, 8 left\n" in shown(progress).replace(" \n", "\n")
    assert "0 of 20" in shown(progress)


def test_on_a_terminal_the_table_is_live(tmp_path, points):
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    with Progress(points, tmp_path, console) as progress:
        progress.started(of(points, "bptt", 0))
        progress._live.refresh()
        progress.ended(Outcome(of(points, "bptt", 0), record(0.91, 12.0), None))
    assert "start" not in text.getvalue()
    assert "0 of 20" in text.getvalue()
    assert "1 of 8 trials done" in text.getvalue()
