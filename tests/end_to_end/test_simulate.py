"""spikelearn simulate: of a NIR file and of a data set, with and without plasticity; killed and gone on with."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from spikelearn import build
from spikelearn.cli.app import run
from spikelearn.export import NIR
from spikelearn.neurons import LIF
from spikelearn.simulation import Recording, SimulationFolder


def exported():
    network = build("6-5-3", lambda: LIF.per_step(0.9), bias=False, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A NIR file, and settings of a data set that lies in a file."""
    place = tmp_path_factory.mktemp("sources")
    NIR().write(exported(), place / "network.nir", (6,), {})
    drawn = np.random.default_rng(0)
    np.savez(place / "own.npz", data=(drawn.random((40, 20, 6)) < 0.3).astype(np.uint8), targets=np.arange(40) % 3)
    (place / "own.toml").write_text(
        f'data = "file:{place}/own.npz"\nnet = "6-5-3"\nbias = false\ninit = "unit-norm"\nsteps = 20\n'
        'rule = "stdp-online"\nvalidation = 0.0\n[data_option]\nsequence = true\ntest_fraction = 0.5\n'
        "[init_option]\nlength = 2.0\npositive = true\n"
    )
    return place


SOURCES = {
    "nir": ("network.nir", ["--input", "poisson:rate=200"], ["--rule", "stdp-online"]),
    "data": ("own.toml", ["--rest", "5"], ["--plastic"]),
}


@pytest.mark.parametrize("plastic", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_of_a_nir_file_and_of_a_data_set(kind, plastic, folder, tmp_path):
    file, given, learns = SOURCES[kind]
    kept = ["--record", "inputs:spikes", "fc1:spikes", "fc2:spikes", "fc2:weight:every=50"]
    words = ["simulate", str(folder / file), "--seconds", "0.2", "--out", str(tmp_path / "seen"), *given, *kept]
    assert run([*words, *(learns if plastic else [])]) == 0
    there = Recording(tmp_path / "seen" / "recording.h5")
    first, *_, last = there.values("fc2", "weight").values
    assert len(there.spikes("fc2").step) > 5
    assert (np.abs(last - first).max() > 1e-3) == plastic
    assert (tmp_path / "seen" / "beginning.ckpt").exists() == plastic
    inputs = there.spikes("inputs")
    if kind == "data":
        assert not np.isin(inputs.step % 25, range(20, 25)).any()  # the rest behind each sample
        mine = np.load(folder / "own.npz")["data"].sum((1, 2))
        assert np.count_nonzero(inputs.step < 20) in mine
    elif not plastic:  # the same spikes as a run of the network that was exported, on what was recorded of its inputs
        given = torch.zeros(there.steps, 1, 6)
        given[torch.from_numpy(inputs.step), 0, torch.from_numpy(inputs.neuron.astype(np.int64))] = 1.0
        record, _ = exported().run(given)
        step, _, neuron = record["fc2"].spikes.nonzero(as_tuple=True)
        assert there.spikes("fc2").step.tolist() == step.tolist()
        assert there.spikes("fc2").neuron.tolist() == neuron.tolist()


def test_a_nir_file_that_is_not_there(capsys):
    assert run(["simulate", "nothing.nir", "--input", "silence"]) == 2
    assert "nothing.nir does not exist" in capsys.readouterr().err


def test_killed_at_any_time_it_goes_on_to_the_same_bytes(tmp_path):
    words = ["simulate", "20-10(F10)", "--input", "poisson:rate=50", "--rule", "stdp-online", "--out"]
    kept = ["--record", "fc1:spikes", "fc1:weight:every=500"]
    program = (
        "import sys, spikelearn.cli.simulate as command\nfrom spikelearn.cli.app import run\n"
        "command.KEPT_EVERY = 0.0\nsys.exit(run(sys.argv[1:]))"
    )
    killed = SimulationFolder(tmp_path / "killed")
    command = [sys.executable, "-c", program, *words, str(killed.path), "--seconds", "600", *kept]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            time.sleep(0.1)
            if steps_of(killed) >= 1000:
                break
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    there = Recording(killed.recording)
    spikes = there.spikes("fc1")
    assert there.steps >= 1000
    assert there.steps % 500 == 0
    assert 0 < spikes.step.max() < there.steps
    seconds = f"{(there.steps + 500) / 1000:g}"
    assert run(["simulate", "--resume", str(killed.path), "--seconds", seconds]) == 0
    assert run([*words, str(tmp_path / "whole"), "--seconds", seconds, *kept]) == 0
    whole = Recording(tmp_path / "whole" / "recording.h5")
    gone_on = Recording(killed.recording)
    assert gone_on.steps == whole.steps == there.steps + 500
    for mine, theirs in zip(gone_on.spikes("fc1"), whole.spikes("fc1"), strict=True):
        assert np.array_equal(mine, theirs)
    for mine, theirs in zip(gone_on.values("fc1", "weight"), whole.values("fc1", "weight"), strict=True):
        assert np.array_equal(mine, theirs)
    assert (tmp_path / "whole" / "state.ckpt").read_bytes() == killed.state.read_bytes()
    first = spikes.step < there.steps
    assert np.array_equal(spikes.step, whole.spikes("fc1").step[: len(first)])  # what was readable up to the cut


def steps_of(folder):
    try:
        return Recording(folder.recording).steps
    except ValueError:  # it has not begun
        return 0


def test_a_simulation_does_not_go_on_with_another_recording(tmp_path, capsys):
    """Of the same size, so that nothing but its content tells."""
    events = np.zeros(50, [(name, np.int64) for name in "xytp"])
    events["t"] = 400 * np.arange(50)
    path, out = tmp_path / "seen.npy", str(tmp_path / "s")
    np.save(path, events)
    kept = path.read_bytes()
    words = ["--input", f"recording:path={path},sensor=2x2", "--seconds", "0.01", "--out", out]
    assert run(["simulate", "8-3", *words]) == 0
    events["x"][30:] = 1
    np.save(path, events)
    capsys.readouterr()
    assert run(["simulate", "--resume", out, "--seconds", "0.02"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "was begun with seen.npy" in told
    assert "restore the file" in told
    path.write_bytes(kept)
    assert run(["simulate", "--resume", out, "--seconds", "0.02"]) == 0
