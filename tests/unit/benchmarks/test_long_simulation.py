"""The long simulation: it goes on where it was stopped, to the same bytes, and is drawn from what it kept."""

import json
import sys

import numpy as np
import pytest

from benchmarks import long_simulation
from spikelearn.simulation import Recording


def simulated(folder, seconds, monkeypatch):
    words = ["--neurons", "150", "--taken", "5", "--seconds", str(seconds), "--out", str(folder)]
    monkeypatch.setattr(sys, "argv", ["long_simulation", *words])
    long_simulation.main()
    return Recording(folder / "recording.h5")


def test_it_goes_on_and_is_drawn(tmp_path, monkeypatch, capsys):
    whole = simulated(tmp_path / "whole", 2, monkeypatch)
    assert simulated(tmp_path / "stopped", 1, monkeypatch).seconds == 1.0
    gone_on = simulated(tmp_path / "stopped", 2, monkeypatch)
    assert gone_on.seconds == whole.seconds == 2.0
    for place in ("exc", "inh"):
        for mine, theirs in zip(gone_on.spikes(place), whole.spikes(place), strict=True):
            assert len(mine) > 10
            assert np.array_equal(mine, theirs)
    states = [(tmp_path / name / "state.ckpt").read_bytes() for name in ("whole", "stopped")]
    assert states[0] == states[1]
    lines = [json.loads(line) for line in (tmp_path / "stopped" / "course.jsonl").read_text().splitlines()]
    assert [line["second"] for line in lines] == [1, 2]
    assert lines[1]["exc"] == np.count_nonzero(whole.spikes("exc").step >= 1000) / 120
    picture = tmp_path / "seen.png"
    monkeypatch.setattr(sys, "argv", ["long_simulation", "--out", str(tmp_path / "stopped"), "--draw", str(picture)])
    long_simulation.main()
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="holds no simulation"):
        long_simulation.draw(tmp_path, picture)
