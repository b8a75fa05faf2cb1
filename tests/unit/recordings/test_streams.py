"""Recordings read in parts: equal to the whole, and in memory that does not grow with the file."""

import itertools
import re
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from spikelearn import build
from spikelearn.cli.app import run
from spikelearn.datasets import DataWarning
from spikelearn.measure import evaluate_stream
from spikelearn.network import MembraneReadout
from spikelearn.recordings import Binning, StreamedRecording, as_events, chunks, read_recording, stream_recording
from spikelearn.simulation import SOURCES, FromFile, Place, Simulation

REFERENCES = Path(__file__).parent / "references"
SENSOR = (34, 26, 2)

#: MiB by which memory may grow while files of more than four times that are walked through.
GROWTH = 3

WALK = """
import resource, sys
import torch
from spikelearn import build
from spikelearn.recordings import Binning, chunks, stream_recording

def walk(path, most=None):
    state = None
    for number, piece in enumerate(chunks(stream_recording(path, part=1 << 14), Binning(width=1e-3), (32, 32, 2), 50)):
        state = network.run(piece.unsqueeze(1), state)[1]
        if number == most:
            return

network, before = build("2048-10", input_shape=(2, 32, 32)), {}
with torch.no_grad():
    for path in sys.argv[1:]:
        walk(path, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in sys.argv[1:]:
        walk(path)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def files():
    return [path for path in sorted(REFERENCES.iterdir()) if path.suffix not in (".py", "")]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_parts_of_a_file_are_the_whole(path):
    whole, streamed = read_recording(path), stream_recording(path, part=7)
    for _ in range(2):
        found = np.concatenate([one.events for one in streamed.parts()])
        np.testing.assert_array_equal(found, whole.events)
    assert streamed.sensor == whole.sensor
    sensor = (346, 260, 2)
    in_order = [
        np.concatenate(columns) for columns in zip(*(one[:4] for one in streamed.in_order(sensor)), strict=True)
    ]
    np.testing.assert_array_equal(in_order, as_events(whole.events, sensor)[:4])


def words_of_evt3(count):
    """Random words of EVT 3.0, of all types, times rising."""
    chance = np.random.default_rng(5)
    kinds = chance.choice([0, 2, 3, 4, 5, 6, 7, 8, 10, 14], count)
    words = kinds << 12 | chance.integers(0, 4096, count)
    high = kinds == 8
    words[high] = 8 << 12 | np.arange(high.sum()) * 7 % 4096
    return words.astype("<u2")


@pytest.mark.parametrize("part", [1, 37, 1999])
def test_words_of_evt3_leave_their_state_to_the_next_part(tmp_path, part):
    path = tmp_path / "a.raw"
    path.write_bytes(b"% evt 3.0\n% end\n" + words_of_evt3(2000).tobytes())
    whole, parts = read_recording(path), [*stream_recording(path, part=part).parts()]
    np.testing.assert_array_equal(np.concatenate([one.events for one in parts]), whole.events)
    told = [int(re.match(r"\d+", words)[0]) for one in (whole, *parts) for words in one.repairs]
    assert told[0] == sum(told[1:])


KINDS = [".bin", ".dat", ".raw", ".npy", ".h5"]
COUNTS = {".bin": 2_650_000, ".dat": 1_620_000, ".raw": 1_620_000, ".npy": 950_000, ".h5": 950_000}


def written(folder, kind, count):
    """A file of ``count`` events, one a microsecond and a half, of a sensor of 32 x 32 pixels."""
    path, place = folder / f"a{kind}", np.arange(count)
    x, y, t, p = place % 32, place // 32 % 32, place * 3 // 2, place % 2
    events = np.zeros(count, [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "<i2")])
    events["x"], events["y"], events["t"], events["p"] = x, y, t, p
    if kind == ".npy":
        np.save(path, events)
    elif kind == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("CD/events", data=events, chunks=(1 << 14,), compression="gzip", compression_opts=1)
    elif kind == ".dat":
        records = np.stack([t, x | y << 14 | p << 28], 1).astype("<u4")
        path.write_bytes(b"% Width 32\n% Height 32\n" + bytes([12, 8]) + records.tobytes())
    elif kind == ".raw":
        words = np.zeros((count, 2), np.int64)
        words[:, 1] = p << 28 | (t & 63) << 22 | x << 11 | y
        words[:, 0] = 8 << 28 | t >> 6
        path.write_bytes(b"% evt 2.0\n% width 32\n% height 32\n% end\n" + words.astype("<u4").tobytes())
    else:
        marks = t // 8192
        marked = np.diff(marks, prepend=0)
        rows = np.repeat(np.arange(count), marked + 1)
        is_mark = np.ones(len(rows), bool)
        is_mark[np.cumsum(marked + 1) - 1] = False
        low = t % 8192
        bytes_ = np.stack([x, y, p << 7 | low >> 16, low >> 8 & 255, low & 255], 1)[rows].astype(np.uint8)
        bytes_[is_mark] = (0, 240, 0, 0, 0)
        path.write_bytes(bytes_.tobytes())
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_those_of_the_whole(tmp_path, kind):
    path = written(tmp_path, kind, 20_000)
    whole, streamed = read_recording(path), stream_recording(path, part=1000)
    sensor, binning = (32, 32, 2), Binning(width=1e-3, counts=True)
    pieces = torch.cat(list(chunks(streamed, binning, sensor, 7)))
    assert pieces.sum() == 20_000
    assert pieces.equal(torch.cat(list(chunks(whole.events, binning, sensor, 7))))


def test_a_stream_whose_steps_are_nearly_empty_says_so_once(tmp_path):
    """Of a width in another unit there are steps without end, none of which holds anything."""
    streamed = stream_recording(written(tmp_path, ".npy", 20_000), part=1000)
    pieces = chunks(streamed, Binning(width=1e-9), (32, 32, 2), 50)
    with pytest.warns(DataWarning, match="the first 50 steps of 1e-09 s have 1 events: seconds are meant") as said:
        torch.cat([*itertools.islice(pieces, 5)])
    assert len(said) == 1


@pytest.mark.parametrize("kinds", [[".raw"], pytest.param(KINDS, marks=pytest.mark.slow)], ids=" ".join)
def test_memory_does_not_grow_with_the_file(tmp_path, kinds):
    paths = [written(tmp_path, kind, COUNTS[kind]) for kind in kinds]
    assert all(path.stat().st_size > 4 * GROWTH << 20 or path.suffix == ".h5" for path in paths)  # which is packed
    words = [sys.executable, "-c", WALK, *map(str, paths)]
    growth = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    assert len(growth) == len(kinds)
    assert all(float(one) < GROWTH for one in growth), growth


def test_events_that_are_a_little_late_are_sorted_and_others_refused(tmp_path):
    t = np.arange(2000) * 100
    t[1000], t[1500] = t[1000] - 5000, t[1500] - 9000
    events = np.stack([t, t % 5, t % 3, t % 2], 1)
    np.save(tmp_path / "a.npy", events)
    streamed, sensor = stream_recording(tmp_path / "a.npy", columns="txyp", part=64), (5, 3, 2)
    with pytest.warns(DataWarning, match="a.npy: events that come after later ones are sorted by time"):
        together = torch.cat(list(chunks(streamed, Binning(width=1e-3, counts=True), sensor, 9)))
    whole = read_recording(tmp_path / "a.npy", columns="txyp").events
    assert together.equal(torch.cat(list(chunks(whole, Binning(width=1e-3, counts=True), sensor, 9))))
    events[1500, 0] -= 20_000
    np.save(tmp_path / "b.npy", events)
    with pytest.raises(
        ValueError, match=r"b.npy: event 1500, at 121000 us, comes more than 10000 us after a later one"
    ):
        list(chunks(stream_recording(tmp_path / "b.npy", columns="txyp", part=64), Binning(width=1e-3), sensor, 9))


def test_damage_is_named_where_it_is_come_to(tmp_path):
    whole = written(tmp_path, ".dat", 3000).read_bytes()
    path = tmp_path / "cut.dat"
    path.write_bytes(whole[:-3])
    parts = stream_recording(path, part=1000).parts()
    next(parts), next(parts)
    with pytest.raises(ValueError, match=r"cut.dat, behind 2999 events: it ends within event 2999, after 5 of its 8"):
        list(parts)
    outside = bytearray(whole)
    struct.pack_into("<I", outside, len(whole) - 4, 40)
    path.write_bytes(outside)
    with pytest.raises(ValueError, match=r"cut.dat, behind 2000 events: event 999 is at x = 40"):
        list(stream_recording(path, part=1000).parts())
    with pytest.raises(ValueError, match="part is 0"):
        stream_recording(path, part=0)
    empty = tmp_path / "none.raw"
    empty.write_bytes(b"% evt 2.0\n% end\n")
    with pytest.raises(ValueError, match=r"none.raw: it holds no events"):
        stream_recording(empty)


def test_a_simulation_reads_the_file_while_it_goes_on(tmp_path):
    path = written(tmp_path, ".raw", 300_000)  # 0.45 s
    network = build("512-10", input_shape=(2, 16, 16))
    source = SOURCES.make(f"recording:path={path},down=2")
    assert isinstance(source, FromFile)
    place = Place((512,), 2, 1e-3, 0)
    steps = source.at(0, 500, place)
    assert steps.shape == (500, 2, 512)
    whole = torch.cat(list(chunks(read_recording(path).events, Binning(width=1e-3, down=2), (32, 32, 2), 100)))
    assert steps[: len(whole), 1].equal(whole.flatten(1))
    assert not steps[len(whole) :].any()
    assert source.at(130, 40, place).equal(steps[130:170])
    record = network.run(steps[:400, :1].view(400, 1, 2, 16, 16))[0]
    simulation = Simulation(network, source, chunk=30)
    rates = [moment.record["fc1"].spikes for _ in range(4) for moment in simulation.moments(100, one_by_one=False)]
    assert torch.cat(rates).equal(record["fc1"].spikes)
    with pytest.raises(
        ValueError, match=r"a.raw has the shape \[2, 32, 32\], or 2048 in a row, expected \[2, 16, 16\]"
    ):
        Simulation(network, f"recording:path={path}")


@pytest.mark.parametrize("readout", [None, MembraneReadout()])
def test_scores_of_pieces_are_those_of_one_run(tmp_path, readout):
    path = written(tmp_path, ".dat", 100_000)
    network = build("2048-30-10", input_shape=(2, 32, 32), readout=readout)
    pieces = list(chunks(stream_recording(path, part=5000), Binning(width=1e-3), (32, 32, 2), 40))
    found = evaluate_stream(network, pieces)
    with torch.no_grad():
        whole = network.run(torch.cat(pieces).unsqueeze(1))[0]
    torch.testing.assert_close(found.scores, network.scores(whole))
    assert found.steps == sum(map(len, pieces)) == 150
    assert found.pieces.shape == (4, 1, 10)
    torch.testing.assert_close(found.rates["fc1"], float(whole["fc1"].spikes.mean()))
    with pytest.raises(ValueError, match="there are no steps to show"):
        evaluate_stream(network, [])


def test_the_command_shows_a_recording(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("left", "right"):
        for number in range(4):
            folder = tmp_path / "mine" / name
            folder.mkdir(parents=True, exist_ok=True)
            place = written(tmp_path, ".dat", 2000 + 100 * number)
            place.rename(folder / f"{number}.dat")
    path = written(tmp_path, ".dat", 40_000)
    words = ["--data", "folder:mine", "--data-option", "test_fraction=0.5", "--net", "2048-2", "--steps", "5"]
    assert run(["train", *words, "--epochs", "1", "--validation", "0", "--batch", "2", "--out", "r"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "r", "--recording", str(path), "--width", "0.001", "--piece", "20"]) == 0
    assert "60 steps: class" in capsys.readouterr().out
    assert run(["evaluate", "r", "--recording", str(path)]) != 0
    assert "for example --width 0.003" in capsys.readouterr().err
    for option in (["--width", "0.001"], ["--piece", "20"]):
        assert run(["evaluate", "r", *option]) == 2
        assert f"{option[0]} is of a --recording: name one, or drop it" in capsys.readouterr().err
    assert run(["simulate", "r", "--input", f"recording:path={path}", "--seconds", "0.05", "--out", "s"]) == 0


def test_a_recording_is_opened_by_its_function():
    assert isinstance(stream_recording(REFERENCES / "faery.dat"), StreamedRecording)


def test_an_event_outside_of_the_sensor_is_named_by_its_place_in_the_file(tmp_path):
    """Sorted events, parts of 100: those up to 10 ms before a part's newest are handed over with the next one."""
    events = np.zeros(400, [(name, np.int64) for name in "xytp"])
    events["t"] = 1000 * np.arange(400)
    events["x"][203] = 40
    np.save(tmp_path / "a.npy", events)
    stream = stream_recording(tmp_path / "a.npy", part=100)
    with pytest.raises(ValueError, match=r"a.npy, in order of time behind 190 events: .* event 13 is at x = 40"):
        list(stream.in_order((32, 32, 2)))
    events["x"][203], events["x"][7] = 0, 40
    np.save(tmp_path / "a.npy", events)
    with pytest.raises(ValueError, match=r"a.npy: it has .* event 7 is at x = 40"):
        list(stream_recording(tmp_path / "a.npy", part=100).in_order((32, 32, 2)))
