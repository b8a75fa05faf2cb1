"""``torchrun -m spikelearn train`` with two processes, and ``spikelearn train --processes 2``."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.export import load_weights
from tests.listening import listening, on_loopback

# Looked for and not imported: every worker collects this file.
pytestmark = [
    pytest.mark.skipif(find_spec("lightning_fabric") is None, reason="lightning-fabric starts the processes"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="a process is found by its environment"),
]

#: In epoch 5 a membrane comes within 2e-7 of the threshold: two runs equal to rounding part there.
EPOCHS = 4

#: A batch of 33 does not divide by two. Few neurons and steps: the more there are, the likelier is a
#: membrane so near the threshold that rounding decides over a spike.
FLAGS = ["--data", "digits", "--net", "64-20-10", "--steps", "5", "--batch", "33", "--validation", "0.1"]
FLAGS += ["--epochs", str(EPOCHS)]


def torchrun(*arguments):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return started(*launcher, "-m", "spikelearn", "train", *arguments)


def two_of_ours(*arguments):
    return started("-m", "spikelearn", "train", "--processes", "2", *arguments)


def started(*command):
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *command], env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def finished(process, seconds=200.0):
    """(exit code, standard output, standard error); a process that does not end is a failure."""
    try:
        out, words = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, words


def process_of_rank(rank, launcher):
    """Number of the process that ``launcher`` started with that rank."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == launcher.pid and f"RANK={rank}".encode() in (path / "environ").read_bytes().split(b"\0"):
                return int(path.name)
        except OSError:
            continue
    raise AssertionError(f"no process has rank {rank}")


def wait_for(path, process, seconds=200.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, f"the run ended before it could be stopped: {process.stderr.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def weights(folder):
    return load_weights(folder / "weights.safetensors")[0]


def result(folder):
    """The result without the checksum of metrics, which hold times, and that of all."""
    found = json.loads((folder / "result.json").read_text())
    return {**found, "sha256": None, "files": {**found["files"], "metrics.jsonl": None}}


def rows(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "samples_per_second")} for line in lines]


def assert_same_run(folder, undisturbed):
    expected = weights(undisturbed)
    for name, value in weights(folder).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
    for name in ("test_accuracy", "test_unique_accuracy", "validation_accuracy", "test_samples"):
        assert result(folder)[name] == result(undisturbed)[name]
    for one, two in zip(rows(undisturbed), rows(folder), strict=True):
        assert two.pop("loss") == pytest.approx(one.pop("loss"), rel=1e-5)
        assert two.pop("rates") == pytest.approx(one.pop("rates"), rel=1e-9)
        assert two == one


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run of two processes that nothing disturbs, and what its first process printed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "two"
    code, out, words = finished(torchrun(*FLAGS, "--out", str(folder), "--json"))
    assert code == 0, words
    return folder, out, words


def test_two_processes_leave_the_run_of_one(tmp_path, undisturbed):
    folder, out, words = undisturbed
    assert json.loads(out)["run"] == str(folder), "one object from one process"
    assert words.count(f"epoch {EPOCHS}/{EPOCHS}") == 1
    assert run(["train", *FLAGS, "--out", str(tmp_path / "one")]) == 0
    assert_same_run(folder, tmp_path / "one")
    files = [{path.name for path in each.iterdir()} for each in (folder, tmp_path / "one")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_stopped_and_killed_and_gone_on_with(tmp_path, undisturbed):
    """Ctrl-C at the launcher, then the second process killed, then to the end: bit for bit the undisturbed run."""
    folder = tmp_path / "two"
    process = two_of_ours(*FLAGS, "--out", str(folder))
    wait_for(folder / "metrics.jsonl", process)
    sockets = listening(process.pid)
    assert sockets, "the place where the processes meet was not looked at"
    assert [address for address in sockets if not on_loopback(address)] == []
    process.send_signal(signal.SIGINT)
    code, _, words = finished(process)
    assert code == 130
    assert words.count(f"go on with: spikelearn train --resume {folder}") == 1
    assert not (folder / "weights.safetensors").exists()

    at_stop = (folder / "checkpoint.pt").read_bytes()
    process = two_of_ours("--resume", str(folder))
    deadline = time.monotonic() + 200
    while (folder / "checkpoint.pt").read_bytes() == at_stop:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process_of_rank(1, process), signal.SIGKILL)
    killed = time.monotonic()
    code, _, words = finished(process)
    assert code != 0
    assert time.monotonic() - killed < 45.0
    assert words.count("error: ") <= 1, "a process that is ended first says nothing"
    assert not (folder / "weights.safetensors").exists()

    code, _, words = finished(two_of_ours("--resume", str(folder)))
    assert code == 0, words
    whole = undisturbed[0]
    assert (folder / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert rows(folder) == rows(whole)
    assert result(folder) == result(whole)


@pytest.mark.slow
def test_a_mistake_is_said_once(tmp_path):
    code, out, words = finished(
        torchrun(*FLAGS, "--rule", "ide", "--no-batch-norm", "--readout", "rate", "--out", str(tmp_path / "run"))
    )
    assert code != 0
    assert out == ""
    assert words.count("ide differentiates at the equilibrium of feedback") == 1
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("number", "started", "words"),
    [
        ("0", "1", "processes is 0, expected a whole number of at least 1"),
        ("2", "4", "processes is 2, but 4 were started: drop --processes"),
    ],
)
def test_a_number_of_processes_that_cannot_be_started_is_refused(monkeypatch, capsys, number, started, words):
    monkeypatch.setenv("WORLD_SIZE", started)
    assert run(["train", "--processes", number]) == 2
    assert words in capsys.readouterr().err
