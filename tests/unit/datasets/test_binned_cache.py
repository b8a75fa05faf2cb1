"""Binned recordings that are kept on the disk: read where nothing changed, and never elsewhere."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.datasets import NMNIST, DataWarning, RecordingsFolder, binned_cache
from spikelearn.recordings import Binning
from tests.conformance import tiny

TWO = """
import sys, time
from pathlib import Path
from spikelearn.datasets import NMNIST, binned_cache
binned_cache.UNSETTLED = -1.0
data = NMNIST("train", sys.argv[1])
data._cache(6)
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
data.frames(range(4), 6)
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", "1")
    monkeypatch.setattr(binned_cache, "UNSETTLED", -1.0)
    tiny.nmnist(tmp_path)
    return tmp_path


def read(data, steps=6):
    """Frames, and which recordings were read from their files for them."""
    files, kind, reading = [], type(data), type(data).recording

    def recording(self, index):
        files.append(index)
        return reading(self, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "recording", recording)
        return data.frames(range(len(data)), steps), files


def parts():
    return [path for one in binned_cache.kept() for path in one.files]


def test_a_second_run_reads_no_recording_and_gives_the_same(root):
    first, files = read(NMNIST("train", root))
    assert files == [0, 1, 2, 3]
    second, files = read(NMNIST("train", root))
    assert files == []
    assert torch.equal(first, second)
    assert second.sum() > 0
    assert len(parts()) == 1
    _, files = read(NMNIST("test", root))
    assert files == [0, 1, 2, 3]


def test_samples_in_any_order_some_of_them_kept_and_one_twice(root):
    whole, _ = read(NMNIST("train", root))
    data = NMNIST("train", root)
    assert torch.equal(data.frames([2, 0, 2], 6), whole[:, [2, 0, 2]])
    assert torch.equal(data.frames([3, 0, 1], 6), whole[:, [3, 0, 1]])
    assert data.binned_events().recordings == 4


@pytest.mark.parametrize("options", [{"bin_width": 3e-3}, {"bin_width": 4e-3}, {"stabilised": True}])
@pytest.mark.filterwarnings("ignore::spikelearn.datasets.DataWarning")  # such bins leave events out
def test_another_setting_is_binned_anew(root, options, monkeypatch):
    read(NMNIST("train", root, bin_width=5e-3))
    found, files = read(NMNIST("train", root, **options))
    assert files == [0, 1, 2, 3]
    assert read(NMNIST("train", root), 7)[1] == [0, 1, 2, 3]
    assert read(NMNIST("train", root), 7)[1] == []
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", "0")
    assert torch.equal(found, NMNIST("train", root, **options).frames(range(4), 6))


def test_another_reader_is_not_read(root, monkeypatch):
    read(NMNIST("train", root))
    monkeypatch.setattr("spikelearn.datasets.base.version_of_readers", lambda endings: "another")
    assert read(NMNIST("train", root))[1] == [0, 1, 2, 3]


def test_a_file_that_changed_in_place_is_read(root):
    first, _ = read(NMNIST("train", root))
    path = NMNIST("train", root).items[2].path
    before, content = path.stat(), bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size, and of the same age by its own word
    second, files = read(NMNIST("train", root))
    assert files == [2]
    assert not torch.equal(first[:, 2], second[:, 2])
    assert torch.equal(first[:, [0, 1, 3]], second[:, [0, 1, 3]])


@pytest.mark.parametrize("damage", ["cut", "cut in the head", "empty", "a bit of a recording", "a bit of the index"])
def test_a_damaged_file_of_the_cache_is_binned_anew(root, damage):
    first, _ = read(NMNIST("train", root))
    (path,) = parts()
    content = bytearray(path.read_bytes())
    if damage.startswith("a bit"):
        content[-1 if "recording" in damage else 50] ^= 1
    path.write_bytes(content[: {"cut": -1, "cut in the head": 9, "empty": 0}.get(damage, len(content))])
    second, files = read(NMNIST("train", root))
    assert files == ([3] if damage == "a bit of a recording" else [0, 1, 2, 3])
    assert torch.equal(first, second)
    assert read(NMNIST("train", root))[1] in ([], [3])


def test_a_file_that_was_just_written_is_not_trusted(root, monkeypatch):
    monkeypatch.setattr(binned_cache, "UNSETTLED", 1e6)
    read(NMNIST("train", root))
    assert parts() == []


def test_two_processes_write_at_once(root, tmp_path, monkeypatch):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ready, begin = [tmp_path / "ready-0", tmp_path / "ready-1"], tmp_path / "begin"
    both = [
        subprocess.Popen([sys.executable, "-c", TWO, str(root), str(one), str(begin)], env=environment) for one in ready
    ]
    while not all(one.exists() for one in ready):
        assert all(one.poll() is None for one in both)
    begin.touch()
    assert [one.wait(120) for one in both] == [0, 0]
    assert not list(binned_cache.cache_folder().rglob(".part-*"))
    found, files = read(NMNIST("train", root))
    assert files == []
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", "0")
    assert torch.equal(found, read(NMNIST("train", root))[0])


def test_what_was_not_used_for_longest_goes_first(root, monkeypatch):
    for steps in (5, 6, 7):
        read(NMNIST("train", root), steps)
    for age, steps in ((3, 5), (2, 6), (1, 7)):
        (path,) = binned_cache.cache_folder().glob(f"nmnist-train-{steps}-*/*.bits")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 100 * age))
    assert read(NMNIST("train", root), 5)[1] == []  # a use, which makes it the newest
    sizes = {path.parent.name[:14]: path.stat().st_size for path in parts()}
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", str((sum(sizes.values()) + 100) / 1e9))
    read(NMNIST("test", root), 5)
    left = {path.parent.name[:14] for path in parts()}
    assert left == {"nmnist-train-5", "nmnist-train-7", "nmnist-test-5-"}


def test_no_place_stops_nothing(root, monkeypatch):
    (root / "cache").write_text("no folder")
    first, files = read(NMNIST("train", root))
    assert files == [0, 1, 2, 3]
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", "0")
    assert torch.equal(first, read(NMNIST("train", root))[0])
    monkeypatch.setenv("SPIKELEARN_CACHE_GB", "much")
    with pytest.raises(ValueError, match="SPIKELEARN_CACHE_GB is 'much', expected a number of GB"):
        NMNIST("train", root).frames([0], 6)


def test_what_was_said_is_said_again(root):
    columns = {name: np.arange(50) % 8 for name in "xy"} | {"t": np.arange(50)[::-1] * 100, "p": np.arange(50) % 2}
    for place in ("train/one", "train/two", "test/one", "test/two"):
        folder = root / "mine" / place
        folder.mkdir(parents=True)
        np.savez(folder / "a.npz", **columns)
    for files in ([0, 1], []):
        with pytest.warns(DataWarning, match="sample 0, .*a.npz: event 1 is earlier than the one before it"):
            assert read(RecordingsFolder("train", root / "mine", sensor="8x8"))[1] == files
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert read(RecordingsFolder("train", root / "mine", sensor="9x8"))[1] == [0, 1]


class Own(NMNIST):
    """A class of one's own, whose code nobody knows."""

    @property
    def folder(self):
        return self.root / "nmnist"


class Versioned(Own):
    reader_version = "1"


class Turned(Versioned):
    def __init__(self, turn, *place):
        super().__init__(*place)
        self.turn = turn


def test_classes_of_ones_own_are_kept_by_their_version(root, monkeypatch):
    for kind, second in ((Own, [0, 1, 2, 3]), (Versioned, [])):
        assert read(kind("train", root))[1] == [0, 1, 2, 3]
        assert read(kind("train", root))[1] == second
    monkeypatch.setattr(Versioned, "reader_version", "2")
    assert read(Versioned("train", root))[1] == [0, 1, 2, 3]
    for turn, second in ((np.rot90, [0, 1, 2, 3]), (90, [])):
        assert read(Turned(turn, "train", root))[1] == [0, 1, 2, 3]
        assert read(Turned(turn, "train", root))[1] == second


def test_the_command_lists_and_clears(root, capsys):
    read(NMNIST("train", root))
    assert run(["datasets", "cache"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("nmnist-train-6-")
    assert "of at most 1 GB" in said
    assert run(["datasets", "cache", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["bytes"] for row in found["kept"]] == [path.stat().st_size for path in parts()]
    assert run(["datasets", "cache", "--clear"]) == 0
    assert "removed" in capsys.readouterr().out
    assert parts() == []
    assert read(NMNIST("train", root))[1] == [0, 1, 2, 3]
    assert run(["datasets", "--clear"]) == 2
    assert "--clear belongs to" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::spikelearn.datasets.DataWarning")  # such bins leave events out
def test_the_binning_is_part_of_the_key(root):
    for text in ("down=2", "counts=true", "voxels=true,polarity=signed", "width=0.005,overlap=0.5", ""):
        found, files = read(NMNIST("train", root).binned_by(Binning.make(text)))
        assert files == [0, 1, 2, 3]
        again, files = read(NMNIST("train", root).binned_by(Binning.make(text)))
        assert files == []
        assert torch.equal(found, again)
    # A width that is said once by the data set, once by the binning, is one value.
    assert read(NMNIST("train", root, bin_width=5e-3).binned_by(Binning(overlap=0.5)))[1] == [0, 1, 2, 3]
    assert read(NMNIST("train", root).binned_by(Binning()))[1] == []


def test_what_became_of_the_events_is_known_from_the_cache_too(root):
    first, second = NMNIST("train", root), NMNIST("train", root)
    read(first)
    _, files = read(second)
    assert files == []
    assert first.binned_events() == second.binned_events()
    assert first.binned_events().recordings == 4
    assert first.binned_events().events - first.binned_events().merged == first.frames(range(4), 6).sum()
