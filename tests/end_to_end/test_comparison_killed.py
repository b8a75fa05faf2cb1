"""A comparison that is killed, interrupted, damaged or out of disk loses nothing that had ended."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from rich.console import Console

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.comparison import compare
from spikelearn.bench.run.engines import LocalEngine
from spikelearn.bench.run.run_trial import attempt
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.training import Interrupted
from tests.in_this_process import denormals_flushed, trials_in_this_process

COMMON = {"net": "64-16-10", "steps": 5, "epochs": 6, "data_fraction": 0.1, "batch": 16}
PLAN = {"rules": ["bptt", "dfa"], "seeds": 3, "common": COMMON, "tuned": False, "measure": False}

#: What ``spikelearn compare`` does up to its report; events go to the file of its second argument.
SCRIPT = """
import json, sys
from pathlib import Path
from rich.console import Console
from spikelearn.bench.run.comparison import compare
from spikelearn.bench.run.engines import LocalEngine
from spikelearn.bench.plan.reading import plan_from
from spikelearn.training import Interrupted
out, log, plan = sys.argv[1:]
with open(log, "a", buffering=1) as file:
    try:
        compare(plan_from(json.loads(plan)), Path(out), engine=LocalEngine(jobs=2, threads=1),
                console=Console(file=file, soft_wrap=True))
    except Interrupted:
        sys.exit(130)
"""


@pytest.fixture(scope="module", autouse=True)
def _as_in_a_worker():
    """One thread, and denormal numbers flushed: what is computed here then equals what workers compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with denormals_flushed():
        yield
    torch.set_num_threads(threads)


def trials_of(plan):
    return {point.trial.id: point.trial for point in plan_from(plan).points()}


class Undisturbed:
    """Trials of the comparison, run in one process without a break, each when its folder is first asked for."""

    def __init__(self, root):
        self.root = root

    def __truediv__(self, name):
        if not (self.root / name).exists():
            assert attempt(trials_of(PLAN)[name], self.root).failure is None
        return self.root / name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def same_results(root, undisturbed, names):
    for name in names:
        one, two = root / name, undisturbed / name
        assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes(), name
        got, expected = TrialFolder(one).read(), TrialFolder(two).read()
        for name in ("score", "unique_accuracy", "validation_score", "fingerprints", "settings"):
            assert getattr(got, name) == getattr(expected, name)
        assert len(got.curve) == COMMON["epochs"]
        for entry, other in zip(got.curve, expected.curve, strict=True):
            assert entry == other.model_copy(update={"seconds": entry.seconds})


def finished(root):
    """{trial: when and in which file its record was written} of those that have ended."""
    found = {}
    for path in root.glob("*/trial.json"):
        if TrialFolder(path.parent).read() is not None:
            about = path.stat()
            found[path.parent.name] = about.st_mtime_ns, about.st_ino
    return found


def alive(group):
    """Processes of a group; the dead whom nobody has buried yet do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def wait_until(what, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("ways", [("group", "interrupt"), ("group", "interrupt", "parent")])
def test_killed_in_every_way(tmp_path, undisturbed, ways):
    out, log = tmp_path / "out", tmp_path / "log"
    root = out / "trials"
    chance = random.Random(0)
    seen = {}
    for number, way in enumerate(ways):
        began, process = time.time(), launch(out, log)
        wait_until(lambda: len(finished(root)) >= len(seen) + min(number, 1) or process.poll() is not None)  # noqa: B023
        wait_until(lambda: under_way(root, since=began) or process.poll() is not None)  # noqa: B023
        time.sleep(chance.uniform(0.0, 0.3))
        assert process.poll() is None, "it ended before it could be killed"
        disturb(process, way)
        now = finished(root)
        assert seen.items() <= now.items()
        seen = now
    assert len(ways) - 1 <= len(seen) < len(trials_of(PLAN))
    with trials_in_this_process(), log.open("a", buffering=1) as file:
        compare(plan_from(PLAN), out, engine=LocalEngine(threads=1), console=Console(file=file, soft_wrap=True))
    ended = finished(root)
    assert seen.items() <= ended.items()
    assert set(ended) == set(trials_of(PLAN))
    done = Counter(line.partition(":")[0] for line in log.read_text().splitlines() if line.startswith("done"))
    assert set(done.values()) == {1}
    assert json.loads((out / "failures.json").read_text()) == {}
    assert any(TrialFolder(root / name).read().resumed for name in ended)
    same_results(root, undisturbed, ended)


def launch(out, log):
    arguments = [sys.executable, "-c", SCRIPT, str(out), str(log), json.dumps(PLAN)]
    return subprocess.Popen(arguments, start_new_session=True)


def under_way(root, since):
    """Whether a trial has ended an epoch since then, but not all."""
    paths = [path for path in root.glob("*/metrics.jsonl") if not (path.parent / "trial.json").exists()]
    return any(path.stat().st_mtime > since for path in paths)


def disturb(process, way):
    """Stop a comparison: kill all of it, or its parent alone; or ask, as a terminal does with Ctrl-C."""
    if way == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif way == "interrupt":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.kill()
    assert process.wait(40) == (130 if way == "interrupt" else -signal.SIGKILL)
    wait_until(lambda: not alive(process.pid), 40)  # orphans write their checkpoints first


def test_one_worker_killed_one_disk_full_one_not_a_number(tmp_path, undisturbed):
    root = tmp_path / "trials"
    trials = [trial for trial in trials_of(PLAN).values() if trial.arm == "bptt"]
    wild = {
        "output": "leaky-integrator",
        "output_option": {"r": 1e38},
        "rule_option": {"loss": "cross-entropy-membrane"},
        "optimizer": "sgd",
        "lr": 1e30,
    }
    (bad,) = trials_of({**PLAN, "rules": ["bptt"], "seeds": [99], "common": {**COMMON, **wild}}).values()
    killed, full = trials[0], trials[2]

    def work(trial):
        """In a worker: the attempt, with an accident."""
        own = root / trial.id
        if trial == killed and not own.exists():
            threading.Thread(target=die_at, args=(own / "metrics.jsonl",), daemon=True).start()
        if trial == full:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        try:
            return attempt(trial, root)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def die_at(path):
        while not path.exists():
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    engine = LocalEngine(jobs=2, threads=1)
    outcomes = {outcome.trial.id: outcome for outcome in engine.run([bad, *trials], work, root=root)}
    assert set(outcomes) == {bad.id, *(trial.id for trial in trials)}
    assert outcomes[bad.id].failure["kind"] == "NonFiniteUpdate"
    assert "epoch 1, batch" in outcomes[bad.id].failure["reason"]
    assert "File too large" in outcomes[full.id].failure["reason"]
    good = [trial.id for trial in trials if trial != full]
    assert all(outcomes[name].failure is None for name in good)
    assert [name for name in good if outcomes[name].record.resumed] == [killed.id]
    same_results(root, undisturbed, good)
    assert attempt(full, root).failure is None  # there is room again
    same_results(root, undisturbed, [full.id])


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """A trial that was stopped between its epochs."""
    root = tmp_path_factory.mktemp("halfway")
    trial = next(iter(trials_of(PLAN).values()))
    metrics = TrialFolder(root / trial.id).metrics

    def stop():
        wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") >= 3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop).start()
    with pytest.raises(Interrupted):
        attempt(trial, root)
    assert 3 <= metrics.read_text().count("\n") < COMMON["epochs"]
    return trial, root


def cut(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


@pytest.mark.parametrize("share", [0.0, 0.6])
@pytest.mark.parametrize("name", ["checkpoint.pt", "metrics.jsonl", "settings.toml"])
def test_what_was_cut_short_in_mid_trial_is_made_whole(tmp_path, undisturbed, halfway, name, share):
    trial, root = halfway
    shutil.copytree(root, tmp_path / "trials")
    cut(tmp_path / "trials" / trial.id / name, share)
    assert attempt(trial, tmp_path / "trials").failure is None
    same_results(tmp_path / "trials", undisturbed, [trial.id])


@pytest.mark.parametrize("name", ["trial.json", "metrics.jsonl", "weights.safetensors", "result.json", "settings.toml"])
def test_what_was_cut_short_after_the_end_is_made_whole(tmp_path, undisturbed, name):
    trial = next(iter(trials_of(PLAN).values()))
    shutil.copytree(undisturbed / trial.id, tmp_path / trial.id)
    assert attempt(trial, tmp_path).record == TrialFolder(undisturbed / trial.id).read()
    cut(tmp_path / trial.id / name, 0.9)
    assert TrialFolder(tmp_path / trial.id).read() is None
    assert attempt(trial, tmp_path).failure is None
    same_results(tmp_path, undisturbed, [trial.id])
