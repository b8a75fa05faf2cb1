"""Engines: how attempts become outcomes, and what becomes of processes."""

import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines import ENGINES, Engine, LocalEngine, Outcome, RayEngine, base
from spikelearn.bench.run.engines.base import Attempt, Crew, attempted, wait_until_free
from spikelearn.runs import Settings
from spikelearn.training import Interrupted, RunFolder


def trials(count):
    return [Trial("bptt", Settings(seed=seed)) for seed in range(count)]


def finished(trial):
    return Outcome(trial, {"seed": trial.settings.seed}, None)


class Script(Engine, Crew):
    """An engine of which a test says how each attempt ends; it ends them in the order of their beginning."""

    def __init__(self, ends, width=2, retries=2):
        super().__init__(retries)
        self.ends, self.width = ends, width
        self.now, self.begun, self.asked, self.closed = [], [], 0, 0

    def crew(self, work, trials, root):
        return self

    @property
    def running(self):
        return self.now

    def free(self):
        return len(self.now) < self.width

    def begin(self, trial):
        self.now.append(trial)
        self.begun.append(trial.settings.seed)

    def collect(self, seconds):
        if not self.now:
            return []
        trial = self.now.pop(0)
        return [self.ends(trial, Counter(self.begun)[trial.settings.seed])]

    def ask_to_stop(self):
        self.asked += 1

    def close(self):
        self.closed += 1


def test_all_end_and_the_next_begins_before_an_outcome_is_handed_over():
    engine = Script(lambda trial, attempt: Attempt(trial, finished(trial)))
    told = []
    run = engine.run(trials(4), finished, started=lambda trial: told.append(trial.settings.seed))
    assert next(run).record == {"seed": 0}
    assert engine.begun == told == [0, 1, 2]
    assert [outcome.record["seed"] for outcome in run] == [1, 2, 3]
    assert (engine.asked, engine.closed) == (0, 1)


def test_a_lost_trial_is_tried_again_behind_the_others():
    def ends(trial, attempt):
        lost = trial.settings.seed == 0 and attempt < 3
        return Attempt(trial, None if lost else finished(trial), "its worker burned down")

    engine = Script(ends, retries=2)
    assert [outcome.record["seed"] for outcome in engine.run(trials(3), finished)] == [1, 2, 0]
    assert engine.begun == [0, 1, 2, 0, 0]
    engine = Script(ends, retries=1)
    *others, last = engine.run(trials(3), finished)
    assert [outcome.record["seed"] for outcome in others] == [1, 2]
    assert last.record is None
    assert last.failure == {"reason": "its worker burned down, 2 times in all", "kind": "WorkerLost"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_asks_all_and_keeps_what_ends_meanwhile(number):
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

    def ends(trial, attempt):
        if trial.settings.seed == 0:
            os.kill(os.getpid(), number)
        return Attempt(trial, finished(trial) if trial.settings.seed < 2 else None)

    engine = Script(ends, width=3)
    got = []
    with pytest.raises(Interrupted, match="what had ended is kept"):
        got.extend(outcome.record["seed"] for outcome in engine.run(trials(9), finished))
    assert got == [0, 1]
    assert (engine.begun, engine.asked, engine.closed) == ([0, 1, 2], 1, 1)
    assert handlers == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]


def test_a_stop_waits_no_longer_than_the_grace(monkeypatch):
    monkeypatch.setattr(base, "GRACE", 0.2)
    monkeypatch.setattr(base, "ASK_EVERY", 0.05)

    class Deaf(Script):
        def collect(self, seconds):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            return []

    engine = Deaf(None)
    with pytest.raises(Interrupted):
        next(engine.run(trials(2), finished))
    assert 3 <= engine.asked <= 4
    assert engine.closed == 1


def test_no_trials_no_outcomes():
    engine = Script(None)
    assert list(engine.run([], finished)) == []
    assert engine.closed == 0, "no worker, and no cluster, is asked for"
    assert list(LocalEngine().run([], finished)) == []


def test_an_error_of_the_work_is_the_failure_of_its_trial():
    (trial,) = trials(1)

    def work(trial):
        raise OSError(28, "No space left\n on device")

    before = signal.getsignal(signal.SIGTERM)
    outcome = attempted(work, None, (signal.SIGTERM,), trial)
    assert outcome == Outcome(trial, None, {"reason": "[Errno 28] No space left on device", "kind": "OSError"})
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_ends_an_attempt_without_outcome():
    def work(trial):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    started = time.monotonic()
    assert attempted(work, None, (signal.SIGTERM,), trials(1)[0]) is None
    assert time.monotonic() - started < 10


def test_a_trial_waits_for_another_process_to_leave_its_folder(tmp_path, monkeypatch):
    (trial,) = trials(1)
    folder = RunFolder(tmp_path / trial.id)
    wait_until_free(folder.path)  # nothing there: at once
    assert not folder.path.exists()
    folder.path.mkdir()
    lock = FileLock(folder.lock, thread_local=False)
    lock.acquire()
    left = []
    threading.Timer(0.3, lambda: (left.append(True), lock.release())).start()
    outcome = attempted(lambda trial: Outcome(trial, {"left": list(left)}, None), tmp_path, (), trial)
    assert outcome.record == {"left": [True]}
    with lock:
        monkeypatch.setattr(base, "BUSY", 0.1)
        wait_until_free(folder.path)  # then the trial itself says that its folder is in use


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LocalEngine(jobs=0), "jobs is 0, expected a whole number of at least 1"),
        (lambda: LocalEngine(threads=0), "threads is 0"),
        (lambda: LocalEngine(retries=-1), "retries is -1, expected a whole number of at least 0"),
        (lambda: RayEngine(cpus=0), "cpus is 0 and gpus is 0"),
        (lambda: RayEngine(cpus=-1, gpus=2), "cpus is -1"),
        (lambda: RayEngine(cpus=float("nan")), "cpus is nan"),
        (lambda: RayEngine(memory=0), "memory is 0"),
    ],
)
def test_settings_of_engines_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_ray_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install 'spikelearn\[ray\]', or take the engine local"):
        next(RayEngine().run(trials(1), finished))


def test_engines_are_registered():
    assert list(ENGINES) == ["local", "ray"]
    assert ENGINES.build("local", {"jobs": 2}).jobs == 2


def test_processes_are_kept_replaced_and_given_their_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    log = tmp_path / "log"

    def work(trial):
        import numba
        import torch

        with log.open("a") as file:
            file.write(f"{trial.settings.seed}\n")
        count = Counter(log.read_text().split())[str(trial.settings.seed)]
        if trial.settings.seed == 2 and count == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if trial.settings.seed == 3:
            os._exit(7)
        threads = [torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS]
        tiny = float(torch.tensor(1e-38) * 1e-3)
        return Outcome(trial, {"pid": os.getpid(), "threads": threads, "tiny": tiny}, None)

    outcomes = {o.trial.settings.seed: o for o in LocalEngine(threads=1, retries=1).run(trials(4), work)}
    records = {seed: outcome.record for seed, outcome in outcomes.items()}
    assert records[0]["pid"] == records[1]["pid"] != os.getpid()
    assert records[2]["pid"] != records[0]["pid"]
    assert [records[seed]["threads"] for seed in range(3)] == [[1, 1]] * 3
    assert records[0]["tiny"] == 0.0  # denormal numbers are flushed, as the command line has it
    assert records[3] is None
    assert outcomes[3].failure == {"reason": "its process ended with code 7, 2 times in all", "kind": "WorkerLost"}
    assert Counter(log.read_text().split()) == {"0": 1, "1": 1, "2": 2, "3": 2}
    assert not Path(f"/proc/{records[2]['pid']}").exists()
