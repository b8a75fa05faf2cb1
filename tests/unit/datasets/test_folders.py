"""Folders of one's own by class: recordings and pictures, their splits, sensors and faults, and the command line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikelearn.cli.app import run
from spikelearn.datasets import DataWarning, ImagesFolder, RecordingsFolder, open_dataset
from spikelearn.datasets.names import checksums_of, full_name, stamp_of
from spikelearn.recordings import bin_events
from tests.unit.recordings.references.made import SENSOR, events

REFERENCES = Path(__file__).parent.parent / "recordings" / "references"


@pytest.fixture
def recordings(tmp_path):
    """Two classes, recordings of four formats in each, one sensor."""
    for number, name in enumerate(("wave", "clap")):
        folder = tmp_path / "own" / name
        folder.mkdir(parents=True)
        for file in ("faery.dat", "lz4.aedat4", "evutils_evt3.raw", "evutils.npz"):
            shutil.copy(REFERENCES / file, folder / f"{number}-{file}")
        (folder / ".DS_Store").touch()
        (folder / "notes.md").touch()
    return tmp_path / "own"


def test_a_folder_of_many_formats(recordings):
    train, test = (RecordingsFolder(split, recordings, test_fraction=0.25) for split in ("train", "test"))
    assert train.class_names == ["clap", "wave"]
    assert (train.shape, train.classes, len(train), len(test)) == ((2, SENSOR[1], SENSOR[0]), 2, 6, 2)
    assert {item.path for item in train.items} | {item.path for item in test.items} == {
        path for path in recordings.rglob("*") if path.suffix in (".dat", ".aedat4", ".raw", ".npz")
    }
    expected = bin_events(events(), (*SENSOR, 2), 5)
    for place in range(6):
        assert train.frames([place], 5)[:, 0].equal(expected)
    assert train.targets.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "Test"), ("training", "val")])
def test_folders_of_splits(tmp_path, recordings, names):
    for name in names:
        shutil.copytree(recordings, tmp_path / "split" / name)
    shutil.rmtree(tmp_path / "split" / names[1] / "wave")
    train, test = (RecordingsFolder(split, tmp_path / "split") for split in ("train", "test"))
    assert (len(train), len(test), test.classes) == (8, 4, 2)
    with pytest.raises(ValueError, match="holds train and test samples, so test_fraction=0.5 has no use"):
        RecordingsFolder("train", tmp_path / "split", test_fraction=0.5)


def test_classes_that_are_numbers_are_in_their_order(tmp_path, recordings):
    for number in (2, 10, 1):
        shutil.copytree(recordings / "wave", tmp_path / "numbered" / str(number))
    assert RecordingsFolder("train", tmp_path / "numbered", test_fraction=0.25).class_names == ["1", "2", "10"]


def test_what_is_not_said_is_asked_for(tmp_path, recordings):
    with pytest.raises(ValueError, match=r"own holds samples of one split alone.*--data-option test_fraction=0.2"):
        RecordingsFolder("train", recordings)
    for name in ("a", "b"):
        folder = tmp_path / "bare" / name
        folder.mkdir(parents=True)
        for number in range(4):
            np.savetxt(folder / f"{number}.txt", [(0, 1, 2, 0), (5000, 3, 4, 1)], fmt="%d")
    with pytest.raises(ValueError, match="0.txt does not name its sensor: say it, for example --data-option sensor="):
        RecordingsFolder("train", tmp_path / "bare", test_fraction=0.25)
    data = RecordingsFolder("train", tmp_path / "bare", test_fraction=0.25, sensor="5x6")
    assert data.frames([0], 2)[:, 0].nonzero().tolist() == [[0, 0, 2, 1], [1, 1, 4, 3]]
    small = RecordingsFolder("train", tmp_path / "bare", test_fraction=0.25, sensor="3x6")
    with pytest.raises(
        ValueError, match=r"RecordingsFolder, train sample 0, .*\.txt: .*outside the 3 x 6 sensor: event 1 is at x = 3"
    ):
        small.frames([0], 2)
    for wrong in ("34", "0x5", "axb"):
        with pytest.raises(ValueError, match=f"sensor is '{wrong}', expected width x height"):
            RecordingsFolder("train", recordings, sensor=wrong, test_fraction=0.25)


def test_folders_that_are_none(tmp_path, recordings):
    with pytest.raises(ValueError, match="is no folder: name one that holds a folder of recordings"):
        RecordingsFolder("train", tmp_path / "nowhere")
    (tmp_path / "empty" / "a").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no recordings .* in folders of classes"):
        RecordingsFolder("train", tmp_path / "empty")
    shutil.rmtree(recordings / "wave")
    with pytest.raises(ValueError, match="holds one class, 'clap', expected two at least"):
        RecordingsFolder("train", recordings)
    shutil.copy(REFERENCES / "faery.dat", recordings / "a.dat")
    with pytest.raises(ValueError, match="a.dat lies in no folder of a class"):
        RecordingsFolder("train", recordings)


def test_a_damaged_recording_is_named_and_a_mended_one_is_said(recordings):
    path = recordings / "clap" / "1-faery.dat"
    path.write_bytes(path.read_bytes()[:-3])
    data = RecordingsFolder("train", recordings, test_fraction=0.25)
    place = next((k for k, item in enumerate(data.items) if item.path == path), None)
    data = data if place is not None else RecordingsFolder("test", recordings, test_fraction=0.25)
    place = next(k for k, item in enumerate(data.items) if item.path == path)
    with pytest.raises(ValueError, match="1-faery.dat: it ends within event 299"):
        data.frames([place], 3)
    path = data.items[1 - place if place < 2 else 0].path
    path.with_suffix(".raw").write_bytes(
        b"% evt 2.0\n% end\n\0\0\0\x10"
        + (REFERENCES / "expelliarmus_evt2.raw").read_bytes().partition(b"system_ID 21 \n")[2]
    )
    raw = RecordingsFolder("train", recordings, test_fraction=0.25, sensor="34x26")
    raw.items[0] = raw.items[0]._replace(path=path.with_suffix(".raw"))
    with pytest.warns(DataWarning, match=r"\.raw: 1 events ahead of the first time were left out; of others"):
        raw.frames([0], 3)


def test_training_evaluating_and_comparing_a_folder(tmp_path, recordings, capsys):
    common = ["--data", f"folder:{recordings}", "--data-option", "test_fraction=0.25"]
    net = f"2x{SENSOR[1]}x{SENSOR[0]}-2"
    words = ["--net", net, "--steps", "3", "--epochs", "1", "--batch", "4", "--validation", "0"]
    assert run(["train", *common, *words, "--out", str(tmp_path / "run")]) == 0
    assert run(["evaluate", str(tmp_path / "run")]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert run(["train", "--data", "folder:nowhere", *words, "--out", str(tmp_path / "b")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_a_name_means_the_same_from_every_folder(recordings, monkeypatch):
    monkeypatch.chdir(recordings.parent)
    name = full_name("folder:own")
    assert name == f"folder:{recordings.resolve()}"
    first, stamp = checksums_of(name), stamp_of(name)
    assert list(first) == ["own/"]
    path = recordings / "clap" / "1-faery.dat"
    path.write_bytes(path.read_bytes()[:-8])
    assert checksums_of(name) != first
    assert stamp_of(name) != stamp


@pytest.fixture
def pictures(tmp_path):
    """Two classes of pictures, red and blue, of two formats, in the layout of Imagenette."""
    for split, count in (("train", 3), ("val", 2)):
        for name, colour in (("n01", (255, 0, 0)), ("n02", (0, 0, 255))):
            folder = tmp_path / "pictures" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (20 + number, 10), colour).save(folder / f"{number}.{'png' if number else 'bmp'}")
    return tmp_path / "pictures"


def test_pictures_by_class(pictures):
    train, test = (ImagesFolder(split, pictures, size=8) for split in ("train", "test"))
    assert (len(train), len(test), train.classes, train.shape) == (6, 4, 2, (3, 8, 8))
    assert train.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.pixels(train.targets.argsort()[:1])[0].mean((1, 2)).tolist() == [1.0, 0.0, 0.0]
    assert train.images[3].float().mean((1, 2)).tolist() == [0.0, 0.0, 255.0]
    grey = ImagesFolder("train", pictures, size=8, colour="grey")
    assert grey.shape == (1, 8, 8)
    assert grey.images[0].unique().tolist() == [76]  # 0.299 of red
    with pytest.raises(ValueError, match=r"has 21 x 10 pixels and 0.bmp has 20 x 10: say to what size"):
        ImagesFolder("train", pictures)


def test_the_middle_of_a_picture_is_kept(tmp_path):
    """Of 30 x 10 pixels whose columns are 0 to 29 those from 10 to 19."""
    for name in ("a", "b"):
        (tmp_path / name / "images").mkdir(parents=True)  # Tiny-ImageNet's layout
        for number in range(4):
            columns = np.broadcast_to(np.arange(30, dtype=np.uint8), (10, 30))
            Image.fromarray(columns).save(tmp_path / name / "images" / f"{number}.png")
    data = open_dataset(f"images:{tmp_path}", "train", None, {"size": 10, "colour": "grey", "test_fraction": 0.25})
    assert data.images[0, 0, 0].tolist() == list(range(10, 20))


def test_pictures_that_are_none(pictures, tmp_path):
    path = pictures / "train" / "n01" / "1.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="1.png cannot be read as a picture"):
        ImagesFolder("train", pictures, size=8)
    path.unlink()
    words = f"train --data images:{pictures} --data-option size=8 --net 3x8x8-2 --steps 2 --epochs 1 --batch 2 --validation 0"
    assert run([*words.split(), "--out", str(tmp_path / "run")]) == 0
