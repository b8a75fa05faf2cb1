"""A run that was stopped and resumed is the run that was not."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.datasets import Digits
from spikelearn.loading import Loader, hold_out
from spikelearn.network import build
from spikelearn.plasticity import BPTT, FA, STDP, DirectionalDFA
from spikelearn.seeding import generator_for
from spikelearn.training import (
    Interrupted,
    NonFiniteUpdate,
    RunFolder,
    Training,
    fit,
    load_checkpoint,
    make_schedule,
)
from tests.in_this_process import denormals_flushed

FLAGS = [
    "--net",
    "64-40-10",
    "--steps",
    "8",
    "--epochs",
    "4",
    "--batch",
    "32",
    "--encoder",
    "rate",
    "--schedule",
    "one-cycle",
    "--lr",
    "0.002",
    "--json",
]


def training_and_loaders(rule=None):
    network = build("64-20-10", input_shape=(1, 8, 8), generator=generator_for(0, "weights"))
    training = Training.start(network, rule or BPTT())
    data = Digits("train")
    train, held = hold_out(data, 0.2, 0)
    loader = Loader(data, 6, 20, indices=train[:240], shuffle=True)
    training.schedule = make_schedule("cosine", training.optimizer, 4 * len(loader))
    return training, loader, Loader(data, 6, 100, indices=held[:100])


class _StopAt:
    """A display that asks for a stop, as Ctrl-C would, at one batch."""

    def __init__(self, epoch, batch):
        self.at = (epoch, batch)

    def start(self, *_): ...

    def batch(self, epoch, batch, values):
        if (epoch, batch) == self.at:
            os.kill(os.getpid(), signal.SIGINT)

    def epoch(self, row): ...

    def stop(self): ...


#: Two of the rules learn weights of their own, by an optimizer of these or by the network's.
RULES = [BPTT, lambda: STDP(1e-4, 1e-4), DirectionalDFA, lambda: FA(feedback="kolen-pollack")]


@pytest.mark.parametrize(
    ("stop", "rule"),
    [(stop, BPTT) for stop in [(0, 1), (2, 12), (3, 5)]] + [((1, 7), rule) for rule in RULES[1:]],
)
def test_interrupted_and_resumed(tmp_path, stop, rule):
    whole, loader, held = training_and_loaders(rule())
    fit(whole, loader, epochs=4, validation=held, folder=RunFolder(tmp_path / "whole"))
    part, loader, held = training_and_loaders(rule())
    folder = RunFolder(tmp_path / "part")
    with pytest.raises(Interrupted, match=f"stopped in epoch {stop[0] + 1} of 4"):
        fit(part, loader, epochs=4, validation=held, folder=folder, display=_StopAt(*stop))
    again, loader, held = training_and_loaders(rule())
    fit(again, loader, epochs=4, validation=held, folder=folder, resume=True)
    for name, value in whole.network.state_dict().items():
        assert value.equal(again.network.state_dict()[name]), name
    assert all(value.equal(again.memory[name]) for name, value in whole.memory.items())
    changing = ("seconds", "samples_per_second")
    rows = [
        [{k: v for k, v in row.items() if k not in changing} for row in f.read_metrics()]
        for f in (RunFolder(tmp_path / "whole"), folder)
    ]
    assert rows[0] == rows[1]


def test_early_stop_ends_with_the_best_weights(tmp_path):
    training, loader, held = training_and_loaders()
    training.optimizer.param_groups[0]["lr"] = 0.0
    training.schedule = None
    before = {n: v.clone() for n, v in training.network.state_dict().items()}
    fitted = fit(training, loader, epochs=9, validation=held, patience=2, folder=RunFolder(tmp_path))
    assert fitted.epochs == 3
    assert fitted.best_epoch == 1
    assert all(v.equal(before[n]) for n, v in training.network.state_dict().items())


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    training, loader, held = training_and_loaders()
    fit(training, loader, epochs=1, folder=RunFolder(tmp_path))
    kept = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="already holds a run"):
        fit(training, loader, epochs=1, folder=RunFolder(tmp_path))
    assert kept == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


class _NaNAt(BPTT):
    """BPTT whose loss is not a number in one batch."""

    def __init__(self, batch):
        super().__init__()
        self.left = batch

    def updates(self, network, batch, memory, generator):
        self.left -= 1
        for update in super().updates(network, batch, memory, generator):
            yield update if self.left else replace(update, loss=torch.tensor(float("nan")))


def test_nan_keeps_the_last_checkpoint(tmp_path):
    training, loader, held = training_and_loaders(_NaNAt(15))
    folder = RunFolder(tmp_path)
    with pytest.raises(NonFiniteUpdate, match="epoch 2, batch 3 of 12: the loss is nan"):
        fit(training, loader, epochs=4, folder=folder)
    assert load_checkpoint(folder.checkpoint)["position"]["epoch"] == 1
    assert [row["epoch"] for row in folder.read_metrics()] == [1]


def test_patience_and_resume_need_their_things():
    training, loader, held = training_and_loaders()
    with pytest.raises(ValueError, match="no validation samples"):
        fit(training, loader, epochs=1, patience=2)
    with pytest.raises(ValueError, match="need a folder"):
        fit(training, loader, epochs=1, resume=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    with denormals_flushed():
        assert run(["train", *FLAGS, "--out", str(out)]) == 0
    return (out / "weights.safetensors").read_bytes()


def wait_for(path, process, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, "checkpoint.pt"),
        pytest.param(signal.SIGTERM, "checkpoint.pt", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "metrics.jsonl", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, "metrics.jsonl", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "metrics.jsonl", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "checkpoint.pt", marks=pytest.mark.slow),
    ],
)
def test_a_killed_process_is_resumed_exactly(tmp_path, undisturbed, number, moment):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "spikelearn", "train", *FLAGS, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for(out / moment, process)
    process.send_signal(number)
    _, words = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert f"go on with: spikelearn train --resume {out}".encode() in words
        assert b"Traceback" not in words
    assert not (out / "weights.safetensors").exists()
    with denormals_flushed():
        assert run(["train", "--resume", str(out)]) == 0
    assert (out / "weights.safetensors").read_bytes() == undisturbed


def test_edited_settings_are_refused_on_resume(tmp_path):
    training, loader, _ = training_and_loaders()
    with pytest.raises(Interrupted):
        fit(training, loader, epochs=2, folder=RunFolder(tmp_path), display=_StopAt(0, 2), about={"batch": 100})
    with pytest.raises(ValueError, match="began with batch = 100, now it is 50"):
        fit(training, loader, epochs=2, folder=RunFolder(tmp_path), resume=True, about={"batch": 50})


def test_torch_random_numbers_are_resumed_too(tmp_path):
    training, loader, _ = training_and_loaders()
    state = training.state_dict()
    expected = (torch.rand(3), torch.rand(3, generator=training.generator))
    training.load_state_dict(state)
    assert torch.rand(3).equal(expected[0])
    assert torch.rand(3, generator=training.generator).equal(expected[1])
