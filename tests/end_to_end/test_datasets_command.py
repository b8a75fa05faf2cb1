"""spikelearn datasets get, check and show, on tiny copies."""

import gzip

import pytest
from PIL import Image

from spikelearn.cli.app import run
from tests.conformance import tiny
from tests.end_to_end.quick import one_object, sentence


@pytest.fixture
def root(tmp_path):
    tiny.nmnist(tmp_path)
    tiny.idx("mnist")(tmp_path)
    tiny.heidelberg("shd", "SHD")(tmp_path)
    return tmp_path


def words(root, text):
    return [*text.split(), "--data-root", str(root)]


def test_check(root, capsys):
    assert run(words(root, "datasets check nmnist")) == 0
    said = capsys.readouterr().out
    assert "nmnist, train: 4 samples, 160 events" in said
    assert said.splitlines()[-1] == "no faults"
    assert run(words(root, "datasets check mnist --json")) == 0
    found = one_object(capsys)
    assert found["train"]["samples"] == 4
    assert found["train"]["published"] is False
    assert found["faults"] == []


def test_check_finds_every_fault(root, capsys):
    folder = root / "nmnist" / "NMNIST" / "Train"
    for digit in (1, 3):
        path = folder / str(digit) / "00001.bin"
        path.write_bytes(path.read_bytes()[::-1])
    assert run(words(root, "datasets check nmnist")) == 1
    said = capsys.readouterr().out
    assert "2 faults" in said
    assert said.count("nmnist, train sample") == 2
    assert run(words(root, "datasets check ssc")) == 1
    assert "ssc_train.h5.zip is not there: spikelearn datasets get ssc" in " ".join(capsys.readouterr().out.split())


def test_show(root, tmp_path):
    for name, end in (("nmnist", "png"), ("nmnist", "gif"), ("shd", "png"), ("shd", "gif"), ("mnist", "png")):
        out = tmp_path / f"{name}.{end}"
        assert run(words(root, f"datasets show {name} --sample 2 --split test --steps 5 --out {out}")) == 0
        with Image.open(out) as picture:
            picture.load()
            assert min(picture.size) >= 8
            if end == "gif":
                assert picture.n_frames == 5


def test_what_cannot_be_shown(root, tmp_path, capsys):
    for text, said in (
        ("datasets show nmnist --sample 4", "--sample is 4, expected 0 to 3"),
        ("datasets show nmnist --split all", "expected train or test"),
        ("datasets show nmnist --out a.txt", "ends in .png or .gif"),
        ("datasets show mnist --out a.gif", "cannot be drawn as .gif"),
        ("datasets show", "expected a NAME"),
        ("datasets show mnist fashion-mnist", "expected a NAME"),
        ("datasets check nothing", "unknown data set 'nothing'"),
    ):
        assert run(words(root, text)) == 2
        assert said in sentence(capsys)


def test_get_says_where(root, capsys):
    assert run(words(root, "datasets get nmnist")) == 0
    assert str(root / "nmnist") in "".join(capsys.readouterr().out.split())
    assert run(words(root, "datasets get mnist")) == 0
    assert run(words(root, "datasets get digits")) == 0
    assert "digits needs no download" in capsys.readouterr().out
    assert gzip.decompress((root / "mnist" / "train-labels-idx1-ubyte.gz").read_bytes())[-1] == 3


def test_get_by_hand_says_where_from(root, capsys):
    assert run(words(root, "datasets get dvs-lip")) == 2
    assert "get DVS-Lip.zip from https://sites.google.com/view/event-based-lipreading" in sentence(capsys)
